//go:build !js

package core

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/wire"
)

// A client that asks for records without end has only a few answers waiting.
func TestFewAnswersWait(t *testing.T) {
	frame := func(payload string) string { return fmt.Sprintf("%-16d%s", len(payload), payload) }
	inWorld(t, nil, func(w *world) {
		w.serve()
		p := w.peer()
		p.Send([]byte(frame(`$CLTHELLO${"name": "eve", "group": null}`)))
		synctest.Wait()
		c := w.conn("eve")
		asks, most := []byte(strings.Repeat(frame("$GETCLT$nobody"), 100)), 0
		for range 10 {
			p.Send(asks)
			synctest.Wait()
			c.legacy.answers.mu.Lock()
			most = max(most, len(c.legacy.answers.waiting))
			c.legacy.answers.mu.Unlock()
		}
		require.NotZero(t, most)
		require.LessOrEqual(t, most, maxAnswers)
		p.Stream.Close() //nolint:errcheck // it is over
	})
}

// A native frame that is queued for a client of the original ends the connection. The client never
// reads the frame.
func TestNativeFrameForAClientOfTheOriginal(t *testing.T) {
	const hello = `{"name": "eve", "group": null}`
	frame := func(payload string) string { return fmt.Sprintf("%-16d%s", len(payload), payload) }
	tests := map[string]func(c *Conn) error{
		"small": func(c *Conn) error { return c.sendOwn(wire.AppendCancel(nil, 7)) },
		"shared": func(c *Conn) error {
			return c.sendAll(outbox.NewBlock(wire.AppendRaw(nil, make([]byte, 5000))), OverflowDisconnect, nil)
		},
		"in place": func(c *Conn) error { return c.sendCommand("say", []byte("hi"), nil) },
		"by a policy": func(c *Conn) error {
			return c.sendByPolicy("say", outbox.NewBlock(wire.AppendCommand(nil, "say", []byte("hi"))))
		},
	}
	for name, send := range tests {
		for _, dialect := range []string{"$CLTHELLO$" + hello, "$CLTHELLO$ " + hello} {
			t.Run(name, func(t *testing.T) {
				inWorld(t, nil, func(w *world) {
					w.serve()
					p := w.peer()
					p.Send([]byte(frame(dialect)))
					synctest.Wait()
					c := w.conn("eve")
					ended := make(chan string, 1)
					go func() {
						b, _ := io.ReadAll(p.Stream)
						ended <- string(b)
					}()
					synctest.Wait()
					require.NoError(w.t, send(c))
					time.Sleep(2 * time.Minute)
					synctest.Wait()
					require.ErrorContains(w.t, c.Err(), "a native frame")
					for got := []byte(<-ended); len(got) > 0; {
						_, size, ok, err := classic.Next(got, 0, len(got))
						require.NoError(w.t, err)
						require.True(w.t, ok)
						got = got[size:]
					}
				})
			})
		}
	}
}
