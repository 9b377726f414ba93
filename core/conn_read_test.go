package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// What waited for a handler is dropped when this side ends the connection, and then what the
// reader has in its hands, waiting for room behind that, is dropped too: handling it would
// leave out what came before.
func TestNothingIsHandledBehindWhatIsDropped(t *testing.T) {
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
