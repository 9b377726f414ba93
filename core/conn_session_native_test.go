//go:build !js

package core

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// The servers of these tests keep sessions. A server of a browser build keeps none, since no server
// runs in a page.

// What was sent before a write failed is handled, too, where the connection may be resumed.
func TestMuteWithSessionIsReadToItsEnd(t *testing.T) { readToItsEnd(t, true) }

// A client that comes back does not wait for the end of what it has left.
func TestMuteIsResumed(t *testing.T) {
	inMute(t, nil, func(w *world, l *muting, got *atomic.Int64) {
		cl := newTestClient(w.lis, &ClientOptions{Name: "ada", Codec: testCodec{}, Retry: Retry{Min: time.Millisecond, Max: time.Millisecond}})
		w.clients = append(w.clients, cl)
		var answers kept[int]
		On(cl, "got", func(_ context.Context, _ *Conn, n int) error { answers.Add(n); return nil })
		w.join(cl)
		c := w.conn("ada")
		l.mute.Store(true)
		require.NoError(t, cl.Send("n", 1))
		synctest.Wait()
		require.True(t, c.sess.Link().State() == session.Mute)
		l.mute.Store(false)
		cl.Conn().sess.Link().Stream.Close() //nolint:errcheck // it breaks off
		time.Sleep(session.MuteTime / 2)     // it is back before the server would have lost patience
		synctest.Wait()
		require.NoError(t, cl.Send("n", 2))
		synctest.Wait()
		require.Equal(t, []int{1, 2}, answers.All())
		require.EqualValues(t, 2, got.Load())
		require.EqualValues(t, 1, w.srv.Stats().Resumed)
		require.False(t, c.isEnded())
	})
}

// Acks are few under load, and what waits for one is let go when nothing more comes.
func TestAcksAreFew(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.srv.OnBytes("x", func(context.Context, *Conn, []byte) error { return nil })
		w.serve()
		p := w.hello(&wire.Hello{Name: "ada", Resume: true})
		const frames = 100_000
		acks := make(chan []uint64, 1)
		go func() {
			var got []uint64
			for {
				f, err := p.Frame(wire.DefaultMaxFrame)
				if err != nil {
					acks <- got
					return
				}
				if f.Kind == wire.KindAck {
					n, _ := wire.ParseAck(f.Body)
					got = append(got, n)
				}
			}
		}()
		frame := wire.AppendCommand(nil, "x", make([]byte, 64))
		for range frames {
			p.Send(frame)
		}
		time.Sleep(10 * time.Second)
		require.NoError(t, p.Stream.Close())
		got := <-acks
		require.NotEmpty(t, got)
		require.Less(t, len(got), frames/100)
		require.EqualValues(t, frames, got[len(got)-1], "the last by the sweeper")
		for i := 1; i < len(got); i++ {
			require.Greater(t, got[i], got[i-1])
		}
	})
}

// An ack of frames that are not written yet ends the connection, whatever has been queued.
func TestAckOfWhatWasNeverWritten(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 4 << 20}}, func(w *world) {
		w.serve()
		p := w.hello(&wire.Hello{Resume: true})
		c := w.only()
		const frames = 64
		for range frames { // far more than one write takes, of a peer that does not read
			require.NoError(t, c.SendBytes("bulk", make([]byte, 32<<10)))
		}
		synctest.Wait()
		p.Send(wire.AppendAck(nil, frames))
		synctest.Wait() // else the peer may read all of it before the server reads the ack, which is true then
		p.WantGoodbye(CodeProtocol, "")
	})
}
