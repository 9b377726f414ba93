//go:build !js

package core

import (
	"context"
	"encoding/binary"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// The servers of these tests keep sessions. A server of a browser build keeps none: no server runs
// in a page.

// Frames that came before a write failed are handled, also if the connection may be resumed.
func TestMuteWithSessionIsReadToItsEnd(t *testing.T) { readToItsEnd(t, true) }

// A client that resumes does not wait until its old stream has ended.
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
		time.Sleep(session.MuteTime / 2)     // earlier than the server gives the link up
		synctest.Wait()
		require.NoError(t, cl.Send("n", 2))
		synctest.Wait()
		require.Equal(t, []int{1, 2}, answers.All())
		require.EqualValues(t, 2, got.Load())
		require.EqualValues(t, 1, w.srv.Stats().Resumed)
		require.False(t, c.isEnded())
	})
}

// A mute link is given up before it has been read to its end if its reader waits for a handler that waits for room in
// the outbox: both would wait for ever. The two notice this without the sweeper. All goes on once the client is back.
func TestMuteIsGivenUpByReaderAndHandler(t *testing.T) {
	const n, size = 40, 8 << 10
	tests := map[string]func(w *world, got *kept[int]){
		"room for commands": func(w *world, got *kept[int]) {
			On(w.srv, "n", func(ctx context.Context, c *Conn, in int) error {
				got.Add(in)
				return c.SendBytes("got", number(in, size), Wait(ctx))
			})
		},
		"room for raw messages": func(w *world, got *kept[int]) {
			On(w.srv, "n", func(ctx context.Context, c *Conn, in int) error {
				for {
					got.Add(in)
					if err := c.SendBytes("got", number(in, size), Wait(ctx)); err != nil {
						return err
					}
					raw, err := c.RecvRaw(ctx)
					if err != nil {
						return err
					}
					in = int(raw[0])
				}
			})
		},
	}
	for name, register := range tests {
		t.Run(name, func(t *testing.T) {
			opts := &ServerOptions{
				Timeouts: Timeouts{Heartbeat: -1, Write: -1}, // the sweeper has nothing to do
				Limits:   Limits{QueueBytes: 64 << 10, InboxBytes: 1 << 10},
			}
			inWorld(t, opts, func(w *world) {
				l := &muting{PipeListener: w.lis}
				var got kept[int]
				register(w, &got)
				go w.srv.Serve(w.ctx, l) //nolint:errcheck // nil after Shutdown
				cl := newTestClient(w.lis, &ClientOptions{Name: "ada", Codec: testCodec{}, Retry: Retry{Min: time.Second, Max: time.Second}})
				w.clients = append(w.clients, cl)
				var answers kept[int]
				cl.OnBytes("got", func(_ context.Context, _ *Conn, b []byte) error {
					at, _ := binary.Uvarint(b)
					answers.Add(int(at))
					return nil
				})
				w.join(cl)
				c := w.conn("ada")
				l.mute.Store(true)
				for i := range n {
					if i == 0 || name == "room for commands" {
						require.NoError(t, cl.Send("n", i))
						continue
					}
					raw := make([]byte, 16<<10)
					raw[0] = byte(i)
					require.NoError(t, cl.SendRaw(raw))
				}
				synctest.Wait()
				require.True(t, c.Suspended())
				l.mute.Store(false)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				want := make([]int, n)
				for i := range want {
					want[i] = i
				}
				require.Equal(t, want, got.All())
				require.Equal(t, want, answers.All())
				require.NoError(t, c.Err())
			})
		})
	}
}

// Without a session, nobody waits for room while a mute link is read to its end.
func TestMuteWithoutSessionMakesNobodyWait(t *testing.T) {
	opts := &ServerOptions{
		Timeouts: Timeouts{Heartbeat: -1, Write: -1, Resume: -1},
		Limits:   Limits{QueueBytes: 8 << 10, InboxBytes: 1 << 10},
	}
	inWorld(t, opts, func(w *world) {
		l := &muting{PipeListener: w.lis}
		var got kept[int]
		var failed kept[Code]
		w.srv.OnUndelivered(func(*Conn, []Undelivered) {}) // frames that were sent are kept
		On(w.srv, "n", func(ctx context.Context, c *Conn, in int) error {
			got.Add(in)
			if err := c.SendBytes("got", number(in, 1<<10), Wait(ctx)); err != nil {
				failed.Add(CodeOf(err))
			}
			return nil
		})
		go w.srv.Serve(w.ctx, l) //nolint:errcheck // nil after Shutdown
		p := w.hello(&wire.Hello{Version: wire.Version, Name: "ada"})
		synctest.Wait()
		c := w.conn("ada")
		l.mute.Store(true)
		for i := range 40 {
			p.Send(command(i))
		}
		require.NoError(t, p.Stream.Close())
		<-c.Done()
		require.Len(t, got.All(), 40)
		require.NotEmpty(t, failed.All())
		for _, code := range failed.All() {
			require.Equal(t, CodeConnLost, code)
		}
	})
}

// Under load few acks are sent. Frames that wait for an ack are freed soon after the last frame has come.
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

// An ack for frames that are not written yet ends the connection, even if the frames are queued.
func TestAckOfUnwrittenFrames(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 4 << 20}}, func(w *world) {
		w.serve()
		p := w.hello(&wire.Hello{Resume: true})
		c := w.only()
		const frames = 64
		for range frames { // far more than one write takes, to a peer that does not read
			require.NoError(t, c.SendBytes("bulk", make([]byte, 32<<10)))
		}
		synctest.Wait()
		p.Send(wire.AppendAck(nil, frames))
		synctest.Wait() // else the ack may be true: the peer may have read all by then
		p.WantGoodbye(CodeProtocol, "")
	})
}
