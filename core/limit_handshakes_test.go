//go:build !js

package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/wire"
)

// A thousand who never say hello hold up nobody who has, nobody who comes, and nobody who comes back.
func TestHalfOpenHandshakes(t *testing.T) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Hello: 5 * time.Second}}, func(w *world) {
		Handle(w.srv, "up", func(context.Context, *Conn, struct{}) (bool, error) { return true, nil })
		w.serve()
		ada := w.join(w.client("ada"))
		var away []*peer
		var tokens []*wire.Welcome
		for range 20 {
			p, welcome := w.resumable("")
			p.stream.Close() //nolint:errcheck // it is away
			away, tokens = append(away, p), append(tokens, welcome)
		}
		synctest.Wait()
		require.Equal(t, 20, w.srv.Stats().Suspended)
		for range 1100 {
			w.peer().send([]byte(wire.Preface + "\x20"))
		}
		synctest.Wait()
		require.Equal(t, 1024, w.srv.gate.Counts().Greeting)
		start := time.Now()
		up, err := Call[bool](w.ctx, ada, "up", nil)
		require.NoError(t, err)
		require.True(t, up)
		for range 240 {
			w.join(w.client(""))
		}
		for _, t := range tokens {
			p := w.peer()
			p.send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Resume: true, Session: t.Session, Token: t.Token}))
			f := p.want()
			require.Equal(w.t, wire.KindWelcome, f.Kind)
			welcome, err := wire.ParseWelcome(f.Body, nil)
			require.NoError(w.t, err)
			require.True(w.t, welcome.Resumed)
		}
		require.Zero(t, time.Since(start), "all at once")
		require.EqualValues(t, len(away), w.srv.Stats().Resumed)
		time.Sleep(5*time.Second + refuseTime)
		synctest.Wait()
		require.Zero(t, w.srv.gate.Counts().Greeting)
	})
}

// resumable connects by hand and asks for a session.
func (w *world) resumable(name string) (*peer, *wire.Welcome) {
	p := w.peer()
	p.send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Name: name, Resume: true}))
	f := p.want()
	require.Equal(w.t, wire.KindWelcome, f.Kind)
	welcome, err := wire.ParseWelcome(f.Body, nil)
	require.NoError(w.t, err)
	p.send(wire.AppendAck(nil, 0)) // it has the token
	return p, welcome
}

// Of one address there are no more than its own, and those who come last have a place.
func TestHalfOpenHandshakesOfOneAddress(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		l := w.street()
		var half []*peer
		for range 100 {
			half = append(half, w.from(l, "10.1.1.1:1"))
		}
		synctest.Wait()
		require.Equal(t, 64, w.srv.gate.Counts().Greeting)
		half[0].wantEOF()
		require.Equal(t, wire.KindWelcome, w.helloFrom(l, "10.1.1.1:2").want().Kind)
		half[99].send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{}))
		require.Equal(t, wire.KindWelcome, half[99].want().Kind)
		require.Equal(t, wire.KindWelcome, w.helloFrom(l, "10.1.1.2:1").want().Kind)
	})
}

// Those whom Authorize takes long to decide about keep nobody out who comes back, and of other
// addresses nobody at all.
func TestManyAreDecidedAbout(t *testing.T) {
	var decide chan struct{} // of the bubble
	opts := &ServerOptions{Limits: Limits{MaxHandshakes: 100, MaxHandshakesPerAddr: 100}, Access: Access{Authorize: func(ctx context.Context, a *Admission) error {
		if a.Name != "slow" {
			return nil
		}
		select {
		case <-decide:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}}
	inWorld(t, opts, func(w *world) {
		decide = make(chan struct{})
		l := w.street()
		hello := func(addr string, h wire.Hello) *peer {
			p := w.from(l, addr)
			p.send(wire.AppendHello([]byte(wire.Preface), &h))
			return p
		}
		p := hello("10.1.1.1:1", wire.Hello{Resume: true})
		welcome, err := wire.ParseWelcome(p.want().Body, nil)
		require.NoError(t, err)
		p.send(wire.AppendAck(nil, 0)) // it has the token
		for range 100 {
			hello("10.6.6.6:1", wire.Hello{Name: "slow"})
		}
		synctest.Wait()
		require.Equal(t, 100, w.srv.gate.Counts().Deciding)
		hello("10.6.6.6:1", wire.Hello{Name: "slow"}).wantRefuse(CodeTooManyConns)
		require.Equal(t, wire.KindWelcome, hello("10.1.1.2:1", wire.Hello{}).want().Kind)
		synctest.Wait()
		require.Equal(t, 99, w.srv.gate.Counts().Deciding, "one of them made room")
		p.stream.Close() //nolint:errcheck // it comes back
		p = hello("10.6.6.6:1", wire.Hello{Resume: true, Session: welcome.Session, Token: welcome.Token})
		require.Equal(t, wire.KindWelcome, p.want().Kind)
		require.EqualValues(t, 1, w.srv.Stats().Resumed)
		close(decide)
		synctest.Wait()
		require.Equal(t, 99+2, w.srv.Len())
	})
}

// Those whose time is up make room, also if they do not hang up.
func TestHandshakesTimeOut(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxHandshakes: 2}, Timeouts: Timeouts{Hello: 5 * time.Second}}, func(w *world) {
		w.serve()
		w.peer()
		w.peer()
		time.Sleep(5*time.Second + refuseTime + time.Millisecond)
		synctest.Wait()
		require.Equal(t, admit.Counts{}, w.srv.gate.Counts())
	})
}

func TestHandshakesWithoutLimit(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxHandshakes: -1, MaxConns: 1200}}, func(w *world) {
		w.serve()
		for range 1500 {
			w.peer()
		}
		synctest.Wait()
		require.Equal(t, 1200, w.srv.gate.Counts().Greeting, "as many as connections")
		w.join(w.client("ada"))
	})
	require.Equal(t, 1024, resolved(nil).Limits.MaxHandshakes)
}
