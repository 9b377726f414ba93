//go:build !js

package core

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// Whoever guesses tokens joins like anybody else each time, and the session does not notice.
func TestForgedTokens(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		events := w.events()
		w.serve()
		cl, states := w.returning("ada", Retry{})
		w.join(cl)
		c, rng := w.only(), rand.New(rand.NewPCG(1, 1))
		for range 500 {
			token := append([]byte(nil), c.token...)
			token[rng.IntN(len(token))] ^= 1 << rng.IntN(8)
			p := w.peer()
			p.send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Resume: true, Session: c.session.id, Token: token}))
			welcome, err := wire.ParseWelcome(p.want().Body, nil)
			require.NoError(t, err)
			require.False(t, welcome.Resumed)
			require.NotEqual(t, c.token, welcome.Token)
			p.send(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed}))
			p.wantEOF()
		}
		require.NotContains(t, events.all(), "suspend ada")
		require.Equal(t, []string{"connected"}, states.all())
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}

// Of many who come back at once with one token, one after the other has the session, and the
// last keeps it: there is never more than one client.
func TestResumeStorm(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		events := w.events()
		w.srv.OnBytes("echo", func(_ context.Context, c *Conn, payload []byte) error { return c.SendBytes("echo", payload) })
		w.serve()
		first := w.hello(&wire.Hello{Name: "ada", Resume: true})
		c := w.only()
		hello := wire.AppendHello([]byte(wire.Preface), &wire.Hello{
			Name: "ada", Resume: true, Session: c.session.id, Token: c.token,
		})
		const many = 100
		peers := make([]*peer, many)
		for i := range peers {
			peers[i] = w.peer()
		}
		var sent sync.WaitGroup
		for _, p := range peers {
			sent.Go(func() { p.stream.Write(hello) }) //nolint:errcheck // it may be over already
		}
		sent.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, 1, w.srv.Len())
		require.False(t, c.Suspended())
		alive := 0
		for _, p := range peers {
			p.stream.SetReadDeadline(time.Now().Add(time.Second)) //nolint:errcheck // then it takes longer
			if f, err := readFrame(p.stream, p.rd, wire.DefaultMaxFrame); err != nil || f.Kind != wire.KindWelcome {
				continue // it was over before it was told
			}
			if _, err := p.stream.Write(wire.AppendCommand(nil, "echo", nil)); err != nil {
				continue
			}
			if f, err := readFrame(p.stream, p.rd, wire.DefaultMaxFrame); err == nil && f.Kind == wire.KindCommand {
				alive++
			}
		}
		require.Equal(t, 1, alive)
		all := events.all()
		require.Equal(t, "join ada", all[0])
		for i, e := range all[1:] {
			require.Equal(t, []string{"suspend ada", "resume ada"}[i%2], e)
		}
		for _, p := range append(peers, first) {
			p.stream.Close() //nolint:errcheck // it is over
		}
	})
}

// One of several who come back at once, and has lost its turn to another before it has looked for the
// stream that it comes in the place of, does not take the other's away.
func TestResumeInTurns(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		streams := []*peer{w.hello(&wire.Hello{Name: "ada", Resume: true})}
		c := w.only()
		hello := wire.AppendHello([]byte(wire.Preface), &wire.Hello{
			Name: "ada", Resume: true, Session: c.session.id, Token: c.token,
		})
		for round := range 500 {
			for range 3 {
				p := w.peer()
				streams = append(streams, p)
				go p.stream.Write(hello) //nolint:errcheck // it may be over already
			}
			synctest.Wait()
			require.False(t, c.Suspended(), "in round %d the last has lost its stream, too", round)
		}
		for _, p := range streams {
			p.stream.Close() //nolint:errcheck // it is over
		}
	})
}
