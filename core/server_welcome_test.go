//go:build !js

package core

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/internal/roster"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// deciding returns options with an Authorize that takes its time and records in asked how its
// context ended, or nil.
func deciding(takes time.Duration, asked *kept[error]) *ServerOptions {
	return &ServerOptions{Access: Access{UniqueNames: true, Authorize: func(ctx context.Context, _ *Admission) error {
		select {
		case <-time.After(takes):
		case <-ctx.Done():
		}
		asked.Add(context.Cause(ctx))
		return nil // in any case
	}}}
}

// nobody checks that no client has come in, and that the name is free.
func (w *world) nobody(events *kept[string], name string) {
	w.t.Helper()
	synctest.Wait()
	require.Empty(w.t, events.All())
	require.Zero(w.t, w.srv.Len())
	require.Empty(w.t, w.srv.Names())
	require.Zero(w.t, w.srv.Stats().Conns)
	require.Zero(w.t, w.srv.Stats().Suspended)
	cl := w.join(w.client(name))
	require.NoError(w.t, cl.Close())
	<-cl.Done()
	synctest.Wait()
	require.Equal(w.t, []string{"join " + name, "leave " + name + ": closed"}, events.All())
}

// A client that gives up while Authorize decides does not join, in whichever way it gives up.
func TestGiveUpDuringAuthorize(t *testing.T) {
	hello := &wire.Hello{Name: "ada", Resume: true}
	ways := map[string]func(p *coretest.Peer){
		"cut":         func(p *coretest.Peer) { p.Stream.Close() },      //nolint:errcheck // it is cut
		"half closed": func(p *coretest.Peer) { p.Stream.CloseWrite() }, //nolint:errcheck // the server sees it
		"behind what it sends": func(p *coretest.Peer) {
			p.Send(wire.AppendCommand(nil, "say", make([]byte, 4000)))
			synctest.Wait()
			p.Send(wire.AppendCommand(nil, "say", []byte("more")))
			p.Stream.Close() //nolint:errcheck // it is cut
		},
	}
	for name, leave := range ways {
		t.Run(name, func(t *testing.T) {
			var asked kept[error]
			inWorld(t, deciding(5*time.Second, &asked), func(w *world) {
				events := w.events()
				w.serve()
				start := time.Now()
				p := w.helloOf(hello)
				synctest.Wait()
				leave(p)
				synctest.Wait()
				require.Len(t, asked.All(), 1)
				require.Error(t, asked.All()[0], "its context has ended")
				require.Zero(t, time.Since(start), "at once")
				p.Stream.Close() //nolint:errcheck // it is over
				w.nobody(events, "ada")
			})
		})
	}
}

// A client that hangs up right after its hello does not join, even if it has gone before Authorize
// begins.
func TestHangUpBehindTheHello(t *testing.T) {
	for name, takes := range map[string]time.Duration{"slowly": time.Second, "in no time": time.Nanosecond} {
		t.Run(name, func(t *testing.T) {
			var asked kept[error]
			inWorld(t, deciding(takes, &asked), func(w *world) {
				events := w.events()
				w.serve()
				p := w.helloOf(&wire.Hello{Name: "ada", Resume: true})
				p.Stream.Close() //nolint:errcheck // it is cut
				w.nobody(events, "ada")
			})
		})
	}
}

// A client of the library whose Connect is given up does not join.
func TestConnectGivenUpDuringAuthorize(t *testing.T) {
	var asked kept[error]
	inWorld(t, deciding(5*time.Second, &asked), func(w *world) {
		events := w.events()
		w.serve()
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		require.ErrorIs(t, w.client("ada").Connect(ctx), context.DeadlineExceeded)
		w.nobody(events, "ada")
	})
}

// A client that gives up while AuthorizeGroup decides does not join.
func TestGiveUpDuringAuthorizeGroup(t *testing.T) {
	opts := &ServerOptions{Access: Access{UniqueNames: true}}
	var w *world
	var p *coretest.Peer
	opts.Access.AuthorizeGroup = func(ctx context.Context, _ *Conn, _ string) error {
		if p != nil {
			p.Stream.Close() //nolint:errcheck // it is cut
			p = nil
			<-ctx.Done() // ends at once
		}
		return nil
	}
	inWorld(t, opts, func(in *world) {
		w = in
		events := w.events()
		w.serve()
		p = w.peer()
		p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Name: "ada", Groups: []string{"red"}}))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Empty(t, w.srv.Groups())
		w.nobody(events, "ada")
	})
}

// Frames that a client sends before its welcome are handled after it, in order and completely.
func TestSendsBeforeTheWelcome(t *testing.T) {
	for name, size := range map[string]int{"little": 10, "more than is read ahead": 3000, "a frame of many buffers": 200_000} {
		t.Run(name, func(t *testing.T) {
			var asked kept[error]
			inWorld(t, deciding(time.Second, &asked), func(w *world) {
				var got kept[byte]
				w.srv.OnBytes("say", func(_ context.Context, _ *Conn, payload []byte) error {
					require.Len(t, payload, size)
					got.Add(payload[0])
					return nil
				})
				w.serve()
				p := w.peer()
				sent := make(chan error, 1)
				go func() {
					b := wire.AppendHello([]byte(wire.Preface), &wire.Hello{Name: "ada", Resume: true})
					for i := range byte(12) {
						payload := make([]byte, size)
						payload[0] = i
						b = wire.AppendCommand(b, "say", payload)
						if i%3 == 0 { // the pieces end anywhere
							if _, err := p.Stream.Write(b[:len(b)-5]); err != nil {
								sent <- err
								return
							}
							b = b[len(b)-5:]
						}
					}
					_, err := p.Stream.Write(b)
					sent <- err
				}()
				require.Equal(t, wire.KindWelcome, p.Want().Kind)
				require.NoError(t, <-sent)
				synctest.Wait()
				require.Equal(t, []byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, got.All())
				require.Nil(t, asked.All()[0])
				p.Stream.Close() //nolint:errcheck // it is over
			})
		})
	}
}

// A command that was read ahead is handled at once, also if the next command has come in part.
func TestReadAheadIsHandledAtOnce(t *testing.T) {
	var asked kept[error]
	inWorld(t, deciding(time.Second, &asked), func(w *world) {
		var got kept[string]
		On(w.srv, "say", func(_ context.Context, _ *Conn, text string) error { got.Add(text); return nil })
		w.serve()
		p := w.helloOf(&wire.Hello{Name: "ada"})
		synctest.Wait()
		p.Send(wire.AppendCommand(nil, "say", []byte("one")))
		synctest.Wait()
		p.Send(wire.AppendCommand(nil, "say", []byte("two"))[:3])
		require.Equal(t, wire.KindWelcome, p.Want().Kind)
		synctest.Wait()
		require.Equal(t, []string{"one"}, got.All())
		p.Send(wire.AppendCommand(nil, "say", []byte("two"))[3:])
		synctest.Wait()
		require.Equal(t, []string{"one", "two"}, got.All())
		p.Stream.Close() //nolint:errcheck // it is over
	})
}

// A client that fills the buffer of reading ahead and then hangs up is let in: the server cannot
// see that it has hung up. It does not stay.
func TestHangUpBehindMuch(t *testing.T) {
	var asked kept[error]
	inWorld(t, deciding(time.Second, &asked), func(w *world) {
		events := w.events()
		w.serve()
		p := w.helloOf(&wire.Hello{Name: "ada", Resume: true})
		p.Send(wire.AppendCommand(nil, "say", make([]byte, 2*readBufferSize)))
		p.Stream.Close() //nolint:errcheck // it is cut
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Zero(t, w.srv.Len(), "it is not suspended")
		require.NotContains(t, events.All(), "suspend ada")
	})
}

// A newcomer that is refused after it has sent frames can still read the reason.
func TestRefusedBehindMore(t *testing.T) {
	opts := &ServerOptions{Access: Access{Authorize: func(context.Context, *Admission) error {
		time.Sleep(time.Second)
		return NewError(CodeUnauthorized, "no")
	}}}
	inWorld(t, opts, func(w *world) {
		w.serve()
		p := w.helloOf(&wire.Hello{Name: "ada"})
		p.Send(wire.AppendCommand(nil, "say", make([]byte, 1000)))
		require.Equal(t, "no", p.WantRefuse(CodeUnauthorized, "").Reason)
		synctest.Wait()
		require.Equal(t, admit.Counts{}, w.srv.gate.Counts())
	})
}

// A deafConn cannot be written to.
type deafConn struct{ transport.Conn }

var errDeaf = errors.New("nobody reads")

func (c deafConn) Write([]byte) (int, error)            { return 0, errDeaf }
func (c deafConn) WriteBuffers([][]byte) (int64, error) { return 0, errDeaf }

// A newcomer whose welcome cannot be written does not join. Messages that were sent to it meanwhile
// are lost.
func TestWelcomeThatCannotBeWritten(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{UniqueNames: true}}, func(w *world) {
		events := w.events()
		deaf := true
		go w.srv.Serve(w.ctx, &wrapped{w.lis, func(s transport.Conn) transport.Conn { //nolint:errcheck // nil after Shutdown
			if deaf {
				return deafConn{s}
			}
			return s
		}})
		p := w.helloOf(&wire.Hello{Name: "ada", Groups: []string{"red"}, Resume: true})
		synctest.Wait()
		deaf = false
		require.Empty(t, w.srv.Groups())
		p.Stream.Close() //nolint:errcheck // it is over
		w.nobody(events, "ada")
	})
}

// The server waits for the reader of a welcome no longer than for a hello.
func TestWelcomeThatIsNotRead(t *testing.T) {
	opts := &ServerOptions{Access: Access{UniqueNames: true}, Timeouts: Timeouts{Hello: 3 * time.Second, Heartbeat: -1, Write: -1}}
	inWorld(t, opts, func(w *world) {
		events := w.events()
		slow := &slowWrites{}
		go w.srv.Serve(w.ctx, &wrapped{w.lis, slow.wrap}) //nolint:errcheck // nil after Shutdown
		p := w.helloOf(&wire.Hello{Name: "ada", Resume: true})
		time.Sleep(time.Second)
		synctest.Wait()
		require.Empty(t, events.All())
		time.Sleep(3 * time.Second)
		synctest.Wait()
		require.Empty(t, events.All())
		require.Zero(t, w.srv.Len())
		slow.off = true
		p.Stream.Close() //nolint:errcheck // it is over
		w.nobody(events, "ada")
	})
}

// slowWrites wraps streams so that writes wait for their deadline.
type slowWrites struct{ off bool }

func (s *slowWrites) wrap(stream transport.Conn) transport.Conn {
	if s.off {
		return stream
	}
	return &slowConn{Conn: stream}
}

type slowConn struct {
	transport.Conn
	deadline time.Time
}

func (c *slowConn) SetWriteDeadline(t time.Time) error {
	c.deadline = t
	return nil
}

func (c *slowConn) Write([]byte) (int, error) {
	time.Sleep(time.Until(c.deadline))
	return 0, context.DeadlineExceeded
}

// The messages of the join handler are the first that a client gets.
func TestJoinHandlerIsFirst(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.srv.OnJoin(func(c *Conn) {
			time.Sleep(time.Second) // the handler is slow
			for range 3 {
				require.NoError(t, c.Send("first", nil))
			}
		})
		w.serve()
		p := w.helloOf(&wire.Hello{Name: "ada"})
		require.Equal(t, wire.KindWelcome, p.Want().Kind)
		p.WantCommand("first")
		p.WantCommand("first")
		p.WantCommand("first")
		p.Stream.Close() //nolint:errcheck // it is over
	})
}

// Shutdown says goodbye to every client: nobody can come in after the server has stopped.
func TestNobodyEntersAfterStop(t *testing.T) {
	srv := newTestServer(nil)
	<-srv.stop()
	require.False(t, srv.roster.Enter(new(Conn), new(roster.Member), roster.Entry{}))
}

func TestMaxCommand(t *testing.T) {
	for _, limit := range []int{8, 1000} {
		inWorld(t, &ServerOptions{Limits: Limits{MaxCommand: limit}}, func(w *world) {
			var faults, got kept[string]
			w.srv.OnError(func(_ *Conn, err error) { faults.Add(CodeOf(err).String()) })
			most := strings.Repeat("c", limit)
			w.srv.OnBytes(most, func(_ context.Context, _ *Conn, b []byte) error { got.Add(string(b)); return nil })
			w.srv.HandleBytes(most, func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { return b, nil })
			w.srv.OnMessage(func(_ context.Context, _ *Conn, f Frame) error { got.Add("any"); return nil })
			w.srv.HandleAny(func(context.Context, *Conn, Frame) ([]byte, error) { return nil, nil })
			require.Panics(t, func() {
				w.srv.OnBytes(most+"c", func(context.Context, *Conn, []byte) error { return nil })
			})
			w.serve()
			cl := w.join(w.client("ada"))
			require.NoError(t, cl.SendBytes(most, []byte("x")))
			reply, err := cl.CallBytes(w.ctx, most, []byte("y"))
			require.NoError(t, err)
			require.Equal(t, "y", string(reply))
			require.Equal(t, CodeBadName, CodeOf(cl.SendBytes(most+"c", nil)), "the client was told the limit")
			require.Equal(t, []string{"x", "any"}, got.All())

			p := w.hello(&wire.Hello{})
			p.Send(wire.AppendCommand(nil, most+"c", nil))
			p.Send(wire.AppendRequest(nil, 1, most+"c", nil))
			_, code := p.WantAnswer()
			require.Equal(t, CodeBadName.String(), code.String())
			require.Equal(t, []string{"bad name"}, faults.All())
			require.Len(t, got.All(), 2)
			require.NoError(t, cl.Close())
		})
	}
}

func TestWelcomeTellsLimits(t *testing.T) {
	tests := map[string]struct {
		opts           ServerOptions
		calls, command uint64
	}{
		"by default": {calls: 1024, command: 256},
		"set":        {opts: ServerOptions{Limits: Limits{MaxCalls: 7, MaxCommand: 9}}, calls: 7, command: 9},
		"off":        {opts: ServerOptions{Limits: Limits{MaxCalls: -1}}, calls: 0, command: 256},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &tc.opts, func(w *world) {
				w.serve()
				p := w.peer()
				p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{}))
				got, err := wire.ParseWelcome(p.Want().Body, nil)
				require.NoError(t, err)
				require.Equal(t, tc.calls, got.MaxCalls)
				require.Equal(t, tc.command, got.MaxCommand)
			})
		})
	}
}
