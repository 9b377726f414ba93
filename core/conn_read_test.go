package core

import (
	"context"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// When this end closes a connection, it drops the messages in the inbox, and also the message for
// which the reader waits for room: running that one would leave out the ones before it.
func TestNothingIsHandledAfterDroppedFrames(t *testing.T) {
	for range 300 {
		inWorld(t, &ServerOptions{Limits: Limits{InboxBytes: 1}}, func(w *world) {
			var handled kept[int]
			On(w.srv, "n", func(_ context.Context, c *Conn, n int) error {
				handled.Add(n)
				time.Sleep(time.Second) // until the inbox is full and the reader waits
				c.Close()
				return nil
			})
			w.serve()
			p := w.hello(&wire.Hello{})
			for n := range 4 {
				p.Send(wire.AppendCommand(nil, "n", []byte{'0' + byte(n)}))
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
			require.Equal(t, []int{0}, handled.All())
			p.Stream.Close() //nolint:errcheck // it is over
		})
	}
}

func TestFrameLimit(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxFrame: 1000}}, func(w *world) {
		w.serve()
		p := w.hello(&wire.Hello{})
		p.Send(wire.AppendCommand(nil, "n", make([]byte, 1000)))
		p.WantGoodbye(CodeTooBig, "1000")

		cl := w.join(w.client("ada"))
		require.Equal(t, CodeTooBig, CodeOf(cl.SendBytes("n", make([]byte, 1000))), "the client was told the limit")
		require.NoError(t, cl.Close())
	})
}

// A reader goes on in a new goroutine after each look of the sweeper, with quick handlers and with slow ones.
// Each message is handled once and in order, and nothing is left at the end.
func TestReaderPassesOn(t *testing.T) {
	const messages = 300
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Write: 8 * time.Millisecond}}, func(w *world) {
		var heard kept[string]
		readers := make(map[string]struct{})
		w.srv.OnBytes("say", func(_ context.Context, c *Conn, payload []byte) error {
			readers[goroutineID()] = struct{}{}
			heard.Add(string(payload))
			if len(payload) == 2 {
				time.Sleep(3 * time.Millisecond) // over several looks
			}
			return c.SendBytes("said", payload)
		})
		w.serve()
		cl := w.client("ada")
		var answers kept[string]
		cl.OnBytes("said", func(_ context.Context, _ *Conn, payload []byte) error {
			answers.Add(string(payload))
			return nil
		})
		w.join(cl)
		var want []string
		for i := range messages {
			want = append(want, strconv.Itoa(i))
			require.NoError(t, cl.SendBytes("say", []byte(want[i])))
			time.Sleep(time.Duration(i%4) * time.Millisecond)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, want, heard.All())
		require.Equal(t, want, answers.All())
		if !browser { // a page keeps the goroutine that it has
			require.Greater(t, len(readers), messages/20, "goroutines that have read")
		}
	})
}

// goroutineID is the number of the caller's goroutine.
func goroutineID() string {
	b := make([]byte, 64)
	return strings.Fields(string(b[:runtime.Stack(b, false)]))[1]
}
