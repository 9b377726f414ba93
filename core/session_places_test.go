//go:build !js

package core

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// An address has no more sessions than it may have connections, and takes the place of nobody else.
func TestSuspendedCountByAddress(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxConnsPerAddr: 20, MaxConns: 100}}, func(w *world) {
		var left kept[string]
		w.srv.OnLeave(func(c *Conn, why error) { left.add(c.Addr()) })
		l := w.street()
		away := func(addr string) *wire.Welcome {
			p := w.from(l, addr)
			p.send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Resume: true}))
			f := p.want()
			require.Equal(t, wire.KindWelcome, f.Kind)
			welcome, err := wire.ParseWelcome(f.Body, nil)
			require.NoError(t, err)
			require.LessOrEqual(t, w.srv.Stats().Conns, 100)
			p.send(wire.AppendAck(nil, 0)) // it has the token
			p.stream.Close()               //nolint:errcheck // it may come back
			synctest.Wait()
			return welcome
		}
		honest := away("10.1.1.1:1")
		for range 400 {
			away("10.6.6.6:1")
			require.LessOrEqual(t, w.srv.Stats().Suspended, 21)
		}
		stats := w.srv.Stats()
		require.Equal(t, [3]int{21, 21, 380}, [3]int{stats.Conns, stats.Suspended, int(stats.GivenUp)})
		require.Len(t, left.all(), 380)
		require.NotContains(t, left.all(), "10.1.1.1:1")
		for i := range 8 {
			for range 20 {
				away("10.6.7." + string(rune('0'+i)) + ":1")
			}
		}
		require.Equal(t, 100, w.srv.Stats().Conns, "no more than MaxConns in all")
		other := w.helloFrom(l, "10.1.1.2:1")
		require.Equal(t, wire.KindWelcome, other.want().Kind, "one who stays has a place all the same")
		require.Equal(t, 100, w.srv.Stats().Conns)

		p := w.from(l, "10.1.1.1:2")
		p.send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Resume: true, Session: honest.Session, Token: honest.Token}))
		welcome, err := wire.ParseWelcome(p.want().Body, nil)
		require.NoError(t, err)
		require.True(t, welcome.Resumed)
	})
}

// Who comes back has its place still, however full the server is, and whatever the server knows of
// its old stream.
func TestResumeOnAFullServer(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxConns: 2}}, func(w *world) {
		w.serve()
		_, mine := w.resumable("mine")
		w.join(w.client("ada"))
		for range 5 {
			w.helloOf(&wire.Hello{}).wantRefuse(CodeTooManyConns)
			p := w.helloOf(&wire.Hello{Resume: true, Session: mine.Session, Token: mine.Token})
			welcome, err := wire.ParseWelcome(p.want().Body, nil)
			require.NoError(t, err)
			require.True(t, welcome.Resumed, "the server has not noticed that the old stream is dead")
			require.Equal(t, 2, w.srv.Stats().Conns)
		}
		time.Sleep(2 * refuseTime)
		synctest.Wait()
		require.Equal(t, admit.Counts{Settled: 2, Addrs: 1}, w.srv.gate.Counts())
	})
}

// However many come and go at once, and are suspended and resumed, there are never more clients
// than there may be.
func TestNeverMoreThanMaxConns(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxConns: 20}}, func(w *world) {
		w.serve()
		most := 0
		for i := range 400 {
			p := w.peer()
			go func() {
				p.stream.Write(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Resume: true})) //nolint:errcheck // it may be refused
				f, err := readFrame(p.stream, p.rd, wire.DefaultMaxFrame)
				if err != nil || f.Kind != wire.KindWelcome || i%3 == 0 {
					return
				}
				welcome, err := wire.ParseWelcome(f.Body, nil)
				p.stream.Write(wire.AppendAck(nil, 0)) //nolint:errcheck // it may have been ended
				p.stream.Close()                       //nolint:errcheck // it comes back
				if err != nil || i%3 == 1 {
					return
				}
				stream, err := w.lis.Dial(w.ctx)
				if err != nil {
					return
				}
				stream.Write(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Resume: true, Session: welcome.Session, Token: welcome.Token})) //nolint:errcheck // it may be too late
			}()
			runtime.Gosched()
			most = max(most, w.srv.Stats().Conns)
		}
		synctest.Wait()
		require.LessOrEqual(t, max(most, w.srv.Stats().Conns), 20)
		require.NotZero(t, most)
	})
}

// An Authorize that does not return keeps neither the stream nor the place, and a Shutdown does not
// wait for it.
func TestAuthorizeThatHangs(t *testing.T) {
	var hang chan struct{} // of the bubble
	wait := func(name string) {
		if strings.HasPrefix(name, "hang") {
			<-hang
		}
	}
	tests := map[string]ServerOptions{
		"Authorize":      {Access: Access{Authorize: func(_ context.Context, a *Admission) error { wait(a.Name); return nil }}},
		"AuthorizeGroup": {Access: Access{AuthorizeGroup: func(_ context.Context, c *Conn, _ string) error { wait(c.Name()); return nil }}},
	}
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			opts.Limits.MaxHandshakes, opts.Limits.MaxConns, opts.Timeouts.Hello = 3, 3, 5*time.Second
			inWorld(t, &opts, func(w *world) {
				hang = make(chan struct{})
				var joined, faults kept[string]
				w.srv.OnJoin(func(c *Conn) { joined.add(c.Name()) })
				w.srv.OnError(func(_ *Conn, err error) { faults.add(err.Error()) })
				w.serve()
				var peers []*peer
				for range 3 {
					peers = append(peers, w.helloOf(&wire.Hello{Name: "hang", Groups: []string{"g"}}))
				}
				synctest.Wait()
				require.Equal(t, 3, w.srv.gate.Counts().Deciding)
				start := time.Now()
				for _, p := range peers {
					p.wantRefuse(CodeUnavailable)
				}
				require.Equal(t, 5*time.Second+decideGrace, time.Since(start))
				synctest.Wait()
				require.Equal(t, admit.Counts{}, w.srv.gate.Counts())
				require.Len(t, faults.all(), 3)
				require.Contains(t, faults.all()[0], "does not return")
				w.join(w.client("ada", "g"))
				last := w.helloOf(&wire.Hello{Name: "hang on", Groups: []string{"g"}})
				synctest.Wait()
				require.NoError(t, w.srv.Shutdown(w.ctx), "though four hang")
				last.wantRefuse(CodeUnavailable)
				close(hang)
				synctest.Wait()
				require.Equal(t, []string{"ada"}, joined.all(), "what they return counts for nothing")
				require.Equal(t, 4, strings.Count(strings.Join(faults.all(), "\n"), "does not return"))
			})
		})
	}
}

// One that ends its goroutine is told of, and turns the newcomer away.
func TestAuthorizeThatEndsItsGoroutine(t *testing.T) {
	tests := map[string]ServerOptions{
		"Authorize":      {Access: Access{Authorize: func(context.Context, *Admission) error { runtime.Goexit(); return nil }}},
		"AuthorizeGroup": {Access: Access{AuthorizeGroup: func(context.Context, *Conn, string) error { runtime.Goexit(); return nil }}},
	}
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &opts, func(w *world) {
				var faults kept[string]
				w.srv.OnError(func(_ *Conn, err error) { faults.add(err.Error()) })
				w.serve()
				w.helloOf(&wire.Hello{Name: "ada", Groups: []string{"g"}}).wantRefuse(CodeUnavailable)
				synctest.Wait()
				require.Equal(t, admit.Counts{}, w.srv.gate.Counts())
				require.Len(t, faults.all(), 1)
				require.Contains(t, faults.all()[0], "ended its goroutine")
				require.Contains(t, strings.Join(w.log.all(), "\n"), "ended its goroutine")
			})
		})
	}
}

// A hook that ends its goroutine costs the client that it was about its connection, and keeps
// nobody else out: no place, name or stream is left behind.
func TestHooksThatEndTheirGoroutine(t *testing.T) {
	exit := func(*Conn, error) { runtime.Goexit() }
	tests := map[string]func(w *world){
		"error hook, of who is refused": func(w *world) {
			w.srv.OnError(exit)
			w.serve()
			p := w.peer()
			p.send([]byte("GET / HTTP/1.1\r\n\r\n"))
			p.wantEOF()
		},
		"error hook, of who has broken the protocol": func(w *world) {
			w.srv.OnError(exit)
			w.serve()
			p := w.hello(&wire.Hello{Name: "ada", Resume: true})
			p.send(wire.AppendRefuse(nil, wire.Goodbye{}))
			for err := error(nil); err == nil; _, err = readFrame(p.stream, p.rd, wire.DefaultMaxFrame) {
			}
			p.stream.Close() //nolint:errcheck // it is over
		},
		"error hook, of a welcome that cannot be written": func(w *world) {
			w.srv.OnError(exit)
			deaf := true
			go w.srv.Serve(w.ctx, &wrapped{w.lis, func(s transport.Conn) transport.Conn { //nolint:errcheck // nil after Shutdown
				if deaf {
					return deafConn{s}
				}
				return s
			}})
			p := w.helloOf(&wire.Hello{Name: "ada", Resume: true})
			synctest.Wait()
			deaf = false
			p.wantEOF()
		},
		"suspend handler": func(w *world) {
			w.srv.OnSuspend(exit)
			w.serve()
			w.hello(&wire.Hello{Name: "ada", Resume: true}).stream.Close() //nolint:errcheck // it is cut
		},
		"leave handler": func(w *world) {
			w.srv.OnLeave(exit)
			w.serve()
			w.hello(&wire.Hello{Name: "ada"}).stream.Close() //nolint:errcheck // it is cut
		},
	}
	for name, run := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Access: Access{UniqueNames: true}}, func(w *world) {
				run(w)
				time.Sleep(time.Minute)
				synctest.Wait()
				require.Equal(t, admit.Counts{}, w.srv.gate.Counts())
				require.Zero(t, w.srv.names.Len())
				require.Zero(t, w.srv.Len())
				require.Equal(t, wire.KindWelcome, w.helloOf(&wire.Hello{Name: "ada"}).want().Kind)
			})
		})
	}
}

// Who loses the place that it has while the program decides hears of it, also if it lost that before the
// program was asked.
func TestPlaceLostBeforeAuthorize(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		here, there := transport.Pipe()
		ar := &arrival{stream: here}
		ar.place, _ = w.srv.gate.Enter(admit.Addr{Host: "10.1.1.1"}, ar)
		_, no := w.srv.gate.Ask(ar.place)
		require.Equal(t, admit.None, no)
		w.srv.gate.Free(ar.place)
		w.srv.hurry(ar)
		ctx := w.srv.beginAsking(w.ctx, ar, time.Time{})
		require.ErrorIs(t, ctx.Err(), context.Canceled)
		require.True(t, w.srv.decided(ar))
		here.Close()  //nolint:errcheck // it is over
		there.Close() //nolint:errcheck // it is over
	})
}
