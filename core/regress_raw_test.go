package core

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// rawNumber is a raw message of about a kilobyte that says which it is.
func rawNumber(i int) []byte { return fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", 1000)) }

// As long as nobody has received raw messages, those that do not fit are dropped and each is
// reported; the first are kept, and what follows is not held up.
func TestRawBurstNobodyReceives(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		var dropped, after kept[string]
		w.srv.OnError(func(_ *Conn, err error) { dropped.add(CodeOf(err).String()) })
		On(w.srv, "after", func(_ context.Context, _ *Conn, s string) error { after.add(s); return nil })
		w.serve()
		cl := w.join(w.client("ada"))
		const count = 2 * maxRaw / 1000
		size := 0
		fits := 0
		for i := range count {
			require.NoError(t, cl.SendRaw(rawNumber(i), Wait(w.ctx)))
			if size += len(rawNumber(i)) + jobCost; size <= maxRaw {
				fits++
			}
		}
		require.NoError(t, cl.Send("after", "the burst"))
		synctest.Wait()
		require.Equal(t, []string{"the burst"}, after.all())
		require.Len(t, dropped.all(), count-fits)
		require.Equal(t, CodeTooBig.String(), dropped.all()[0])
		for i := range fits {
			b, err := first(w).RecvRaw(w.ctx)
			require.NoError(t, err)
			require.True(t, bytes.Equal(rawNumber(i), b), "message %d, got %.8s", i, b)
		}
		require.NoError(t, cl.Close())
	})
}

// A raw message that was received is let go of while others still wait.
func TestRawBoxLetsGo(t *testing.T) {
	var b rawBox
	for range 2 {
		_, ok := b.keep(make([]byte, 100<<10))
		require.True(t, ok)
	}
	held := weak.Make(&b.kept[0][0])
	_, payload, ok := b.receive(&inbox{})
	require.True(t, ok)
	require.Len(t, payload, 100<<10)
	runtime.KeepAlive(payload) // the last that holds it but the box
	runtime.GC()
	require.Nil(t, held.Value())
	require.NotEmpty(t, b.kept)
	runtime.KeepAlive(&b)
}

// A handler that waits for its own connection learns why that ended, and not only that its
// context did.
func TestWaitOnOwnConnSaysWhyItEnded(t *testing.T) {
	tests := map[string]func(ctx context.Context, c *Conn) error{
		"answer": func(ctx context.Context, c *Conn) error { _, err := c.CallBytes(ctx, "who", nil); return err },
		"answer, after the end": func(ctx context.Context, c *Conn) error {
			<-ctx.Done()
			_, err := c.CallBytes(ctx, "who", nil)
			return err
		},
		"raw message": func(ctx context.Context, c *Conn) error { _, err := c.RecvRaw(ctx); return err },
	}
	for name, wait := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				t := w.t
				var got kept[string]
				w.srv.OnBytes("wait", func(ctx context.Context, c *Conn, _ []byte) error {
					got.add(CodeOf(wait(ctx, c)).String())
					return nil
				})
				w.serve()
				for i := range 50 { // several things end at once: each may be seen first
					p := w.hello(&wire.Hello{})
					p.send(wire.AppendCommand(nil, "wait", nil))
					time.Sleep(3 * handlerTick) // the reading is taken over
					require.NoError(t, p.stream.Close())
					synctest.Wait()
					require.Len(t, got.all(), i+1)
					require.Equal(t, CodeConnLost.String(), got.all()[i])
				}
			})
		})
	}
}
