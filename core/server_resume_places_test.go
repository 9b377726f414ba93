//go:build !js

package core

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/wire"
)

// An address has no more suspended sessions than it may have connections. They take the place of no
// other address.
func TestSuspendedCountByAddress(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxConnsPerAddr: 20, MaxConns: 100}}, func(w *world) {
		var left kept[string]
		w.srv.OnLeave(func(c *Conn, why error) { left.Add(c.Addr()) })
		l := w.street()
		away := func(addr string) *wire.Welcome {
			p := w.from(l, addr)
			p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Resume: true}))
			f := p.Want()
			require.Equal(t, wire.KindWelcome, f.Kind)
			welcome, err := wire.ParseWelcome(f.Body, nil)
			require.NoError(t, err)
			require.LessOrEqual(t, w.srv.Stats().Conns, 100)
			p.Send(wire.AppendAck(nil, 0)) // the peer has the token
			p.Stream.Close()               //nolint:errcheck // it may come back
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
		require.Len(t, left.All(), 380)
		require.NotContains(t, left.All(), "10.1.1.1:1")
		for i := range 8 {
			for range 20 {
				away("10.6.7." + string(rune('0'+i)) + ":1")
			}
		}
		require.Equal(t, 100, w.srv.Stats().Conns, "no more than MaxConns in all")
		other := w.helloFrom(l, "10.1.1.2:1")
		require.Equal(t, wire.KindWelcome, other.Want().Kind, "one who stays has a place all the same")
		require.Equal(t, 100, w.srv.Stats().Conns)

		p := w.from(l, "10.1.1.1:2")
		p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Resume: true, Session: honest.Session, Token: honest.Token}))
		welcome, err := wire.ParseWelcome(p.Want().Body, nil)
		require.NoError(t, err)
		require.True(t, welcome.Resumed)
	})
}

// A client that resumes still has its place, however full the server is, and whether or not the
// server knows that its old stream is dead.
func TestResumeOnAFullServer(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxConns: 2}}, func(w *world) {
		w.serve()
		_, mine := w.resumable("mine")
		w.join(w.client("ada"))
		for range 5 {
			w.helloOf(&wire.Hello{}).WantRefuse(CodeTooManyConns, "")
			p := w.helloOf(&wire.Hello{Resume: true, Session: mine.Session, Token: mine.Token})
			welcome, err := wire.ParseWelcome(p.Want().Body, nil)
			require.NoError(t, err)
			require.True(t, welcome.Resumed, "the server has not noticed that the old stream is dead")
			require.Equal(t, 2, w.srv.Stats().Conns)
		}
		time.Sleep(2 * refuseTime)
		synctest.Wait()
		require.Equal(t, admit.Counts{Settled: 2, Addrs: 1}, w.srv.gate.Counts())
	})
}

// There are never more than MaxConns clients, however many come, go and are suspended and resumed
// at once.
func TestNeverMoreThanMaxConns(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxConns: 20}}, func(w *world) {
		w.serve()
		most := 0
		for i := range 400 {
			p := w.peer()
			go func() {
				p.Stream.Write(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Resume: true})) //nolint:errcheck // it may be refused
				f, err := p.Frame(wire.DefaultMaxFrame)
				if err != nil || f.Kind != wire.KindWelcome || i%3 == 0 {
					return
				}
				welcome, err := wire.ParseWelcome(f.Body, nil)
				p.Stream.Write(wire.AppendAck(nil, 0)) //nolint:errcheck // it may have been ended
				p.Stream.Close()                       //nolint:errcheck // it comes back
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
