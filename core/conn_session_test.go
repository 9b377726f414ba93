package core

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A muting listener accepts connections whose writes fail once mute is set, while their reads go
// on. A client that dials through it gets such connections, too.
type muting struct {
	*transport.PipeListener
	mute atomic.Bool
}

type mutingConn struct {
	transport.Conn
	l *muting
}

func (l *muting) Accept() (transport.Conn, error) {
	stream, err := l.PipeListener.Accept()
	return &mutingConn{stream, l}, err
}

func (l *muting) Dial(ctx context.Context) (transport.Conn, error) {
	stream, err := l.PipeListener.Dial(ctx)
	return &mutingConn{stream, l}, err
}

var errMuted = errors.New("broken pipe")

func (c *mutingConn) Write(p []byte) (int, error) {
	if c.l.mute.Load() {
		return 0, errMuted
	}
	return c.Conn.Write(p)
}

func (c *mutingConn) WriteBuffers(bufs [][]byte) (int64, error) {
	if c.l.mute.Load() {
		return 0, errMuted
	}
	return c.Conn.WriteBuffers(bufs)
}

// inMute runs f in a bubble with a server that counts the commands "n". The server's writes fail
// while f says so.
func inMute(t *testing.T, opts *ServerOptions, f func(w *world, l *muting, got *atomic.Int64)) {
	inWorld(t, opts, func(w *world) {
		l := &muting{PipeListener: w.lis}
		var got atomic.Int64
		On(w.srv, "n", func(_ context.Context, c *Conn, n int) error {
			got.Add(1)
			c.Send("got", n) //nolint:errcheck // the peer is gone
			return nil
		})
		go w.srv.Serve(w.ctx, l) //nolint:errcheck // nil after Shutdown
		f(w, l, &got)
	})
}

func command(n int) []byte { return wire.AppendCommand(nil, "n", fmt.Append(nil, n)) }

// Frames that a peer has sent before a write to it failed are handled, while other frames are sent to it.
func TestMuteIsReadToItsEnd(t *testing.T) { readToItsEnd(t, false) }

// readToItsEnd ends or suspends a connection by a write that fails.
func readToItsEnd(t *testing.T, resume bool) {
	inMute(t, &ServerOptions{Timeouts: Timeouts{Resume: 10 * time.Second}, Limits: Limits{QueueBytes: 4 << 10}}, func(w *world, l *muting, got *atomic.Int64) {
		p := w.hello(&wire.Hello{Version: wire.Version, Name: "ada", Resume: resume})
		synctest.Wait()
		c := w.conn("ada")
		l.mute.Store(true)
		require.NoError(t, c.Send("lost", 0))
		synctest.Wait()
		const n = 1000
		for i := range n {
			p.Send(command(i))
		}
		require.NoError(t, p.Stream.Close())
		synctest.Wait()
		require.EqualValues(t, n, got.Load())
		require.Equal(t, resume, c.Suspended())
		time.Sleep(11 * time.Second)
		synctest.Wait()
		require.ErrorIs(t, c.Err(), errMuted)
		require.Equal(t, CodeConnLost, CodeOf(c.Err()))
	})
}

// A peer that sends on after its reading side has gone is read for a bounded time and a bounded
// number of bytes. The time in which handlers run does not count.
func TestMuteIsBounded(t *testing.T) {
	t.Run("in time", func(t *testing.T) {
		inMute(t, &ServerOptions{Timeouts: Timeouts{Resume: -1}}, func(w *world, l *muting, got *atomic.Int64) {
			p := w.hello(&wire.Hello{Version: wire.Version, Name: "ada"})
			synctest.Wait()
			c := w.conn("ada")
			l.mute.Store(true)
			start := time.Now()
			require.NoError(t, c.Send("lost", 0))
			dripped := make(chan struct{})
			go func() {
				defer close(dripped)
				for i := 0; ; i++ {
					if _, err := p.Stream.Write(command(i)); err != nil {
						return
					}
					time.Sleep(50 * time.Millisecond)
				}
			}()
			<-c.Done()
			t.Log(time.Since(start), got.Load())
			<-dripped
			require.LessOrEqual(t, time.Since(start), 2*session.MuteTime)
			require.NotZero(t, got.Load())
		})
	})
	t.Run("in bytes", func(t *testing.T) {
		inMute(t, &ServerOptions{Timeouts: Timeouts{Resume: -1}}, func(w *world, l *muting, _ *atomic.Int64) {
			p := w.hello(&wire.Hello{Version: wire.Version, Name: "ada"})
			synctest.Wait()
			c := w.conn("ada")
			l.mute.Store(true)
			require.NoError(t, c.Send("lost", 0))
			synctest.Wait()
			sent := 0
			frame := wire.AppendCommand(nil, "n", make([]byte, 64<<10))
			for {
				n, err := p.Stream.Write(frame)
				if err != nil {
					break
				}
				sent += n
			}
			<-c.Done()
			require.Less(t, sent, session.MaxMute+1<<20)
		})
	})
	t.Run("but for slow handlers", func(t *testing.T) {
		inWorld(t, &ServerOptions{Timeouts: Timeouts{Resume: -1}, Limits: Limits{InboxBytes: 1 << 10}}, func(w *world) {
			l := &muting{PipeListener: w.lis}
			var got atomic.Int64
			On(w.srv, "n", func(context.Context, *Conn, int) error {
				time.Sleep(time.Second)
				got.Add(1)
				return nil
			})
			go w.srv.Serve(w.ctx, l) //nolint:errcheck // nil after Shutdown
			p := w.hello(&wire.Hello{Version: wire.Version, Name: "ada"})
			synctest.Wait()
			c := w.conn("ada")
			l.mute.Store(true)
			require.NoError(t, c.Send("lost", 0))
			go func() {
				for i := range 100 {
					p.Stream.Write(command(i)) //nolint:errcheck // the server has not closed
				}
				p.Stream.Close() //nolint:errcheck // it is over
			}()
			<-c.Done()
			require.EqualValues(t, 100, got.Load())
		})
	})
}

// A client whose write has failed handles the frames that its server sent before, and keeps its own.
// Once it is resumed it writes the frames that the server has not received. A page relies on this.
func TestMuteClientIsResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &muting{PipeListener: transport.NewPipeListener()}
		cl := newTestClient(l, &ClientOptions{Codec: testCodec{}, Retry: Retry{Min: time.Millisecond}})
		var got kept[int]
		On(cl, "got", func(_ context.Context, _ *Conn, n int) error { got.Add(n); return nil })
		welcomes := func(w *wire.Welcome) (*coretest.Peer, *wire.Hello) {
			stream, err := l.PipeListener.Accept()
			require.NoError(t, err)
			p := &coretest.Peer{T: t, Stream: stream}
			w.Session, w.Token = []byte("8 bytes."), []byte("a token of 16 B.")
			h, err := p.Answer(w)
			require.NoError(t, err)
			return p, h
		}
		hears := func(p *coretest.Peer, n string) {
			f := p.Want()
			for f.Kind == wire.KindAck {
				f = p.Want()
			}
			require.Equal(t, wire.KindCommand, f.Kind)
			_, payload, err := wire.ParseCommand(f.Body)
			require.NoError(t, err)
			require.Equal(t, n, string(payload))
		}
		connected := make(chan error, 1)
		go func() { connected <- cl.Connect(t.Context()) }()
		p, _ := welcomes(&wire.Welcome{})
		require.NoError(t, <-connected)
		conn := cl.Conn()
		require.NoError(t, cl.Send("n", 1))
		hears(p, "1")

		l.mute.Store(true)
		require.NoError(t, cl.Send("n", 2)) // its write fails
		synctest.Wait()
		require.True(t, conn.sess.Link().State() == session.Mute)
		require.NoError(t, cl.Send("n", 3))
		p.Send(wire.AppendCommand(nil, "got", []byte("7")))
		synctest.Wait()
		require.Equal(t, []int{7}, got.All())

		l.mute.Store(false)
		require.NoError(t, p.Stream.Close())
		p, h := welcomes(&wire.Welcome{Resumed: true, Received: 1})
		require.EqualValues(t, 1, h.Received)
		hears(p, "2")
		hears(p, "3")
		require.Same(t, conn, cl.Conn())
		require.NoError(t, conn.Err())
		require.NoError(t, cl.Close())
		p.Stream.Close() //nolint:errcheck // it is over
		<-cl.Done()
		l.Close() //nolint:errcheck // it is over
	})
}
