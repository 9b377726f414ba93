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

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A client that guesses tokens joins like any other newcomer each time. The session is not
// affected.
func TestForgedTokens(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		events := w.events()
		w.serve()
		cl, states := w.returning("ada", Retry{})
		w.join(cl)
		c, rng := w.only(), rand.New(rand.NewPCG(1, 1))
		for range 500 {
			token := append([]byte(nil), c.sess.Token()...)
			token[rng.IntN(len(token))] ^= 1 << rng.IntN(8)
			p := w.peer()
			p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Resume: true, Session: c.sess.ID(), Token: token}))
			welcome, err := wire.ParseWelcome(p.Want().Body, nil)
			require.NoError(t, err)
			require.False(t, welcome.Resumed)
			require.NotEqual(t, c.sess.Token(), welcome.Token)
			p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed}))
			p.WantEnd()
		}
		require.NotContains(t, events.All(), "suspend ada")
		require.Equal(t, []string{"connected"}, states.All())
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}

// Of many clients that resume at once with one token, one after the other has the session, and the
// last keeps it. There is never more than one client.
func TestResumeStorm(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		events := w.events()
		w.srv.OnBytes("echo", func(_ context.Context, c *Conn, payload []byte) error { return c.SendBytes("echo", payload) })
		w.serve()
		first := w.hello(&wire.Hello{Name: "ada", Resume: true})
		c := w.only()
		hello := wire.AppendHello([]byte(wire.Preface), &wire.Hello{
			Name: "ada", Resume: true, Session: c.sess.ID(), Token: c.sess.Token(),
		})
		const many = 100
		peers := make([]*coretest.Peer, many)
		for i := range peers {
			peers[i] = w.peer()
		}
		var sent sync.WaitGroup
		for _, p := range peers {
			sent.Go(func() { p.Stream.Write(hello) }) //nolint:errcheck // it may be over already
		}
		sent.Wait()
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, 1, w.srv.Len())
		require.False(t, c.Suspended())
		alive := 0
		for _, p := range peers {
			p.Stream.SetReadDeadline(time.Now().Add(time.Second)) //nolint:errcheck // the next read takes longer then
			if f, err := p.Frame(wire.DefaultMaxFrame); err != nil || f.Kind != wire.KindWelcome {
				continue // it was over before it was told
			}
			if _, err := p.Stream.Write(wire.AppendCommand(nil, "echo", nil)); err != nil {
				continue
			}
			if f, err := p.Frame(wire.DefaultMaxFrame); err == nil && f.Kind == wire.KindCommand {
				alive++
			}
		}
		require.Equal(t, 1, alive)
		all := events.All()
		require.Equal(t, "join ada", all[0])
		for i, e := range all[1:] {
			require.Equal(t, []string{"suspend ada", "resume ada"}[i%2], e)
		}
		for _, p := range append(peers, first) {
			p.Stream.Close() //nolint:errcheck // it is over
		}
	})
}

// A client that resumes, and loses its turn to another before it has looked for the stream that it
// replaces, does not take the other's stream away.
func TestResumeInTurns(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		streams := []*coretest.Peer{w.hello(&wire.Hello{Name: "ada", Resume: true})}
		c := w.only()
		hello := wire.AppendHello([]byte(wire.Preface), &wire.Hello{
			Name: "ada", Resume: true, Session: c.sess.ID(), Token: c.sess.Token(),
		})
		for round := range 500 {
			for range 3 {
				p := w.peer()
				streams = append(streams, p)
				go p.Stream.Write(hello) //nolint:errcheck // it may be over already
			}
			synctest.Wait()
			require.False(t, c.Suspended(), "in round %d the last has lost its stream, too", round)
		}
		for _, p := range streams {
			p.Stream.Close() //nolint:errcheck // it is over
		}
	})
}

// A client that claims frames that were never written to it cannot resume: it joins anew.
func TestResumeOfUnwrittenFrames(t *testing.T) {
	tests := map[string]struct {
		before, waiting int    // commands that the client has got, and that wait for it
		received        uint64 // the client's claim
		resumed         bool
	}{
		"one that waits":                 {waiting: 1, received: 1},
		"some of those that wait":        {before: 3, waiting: 9, received: 5},
		"all that wait":                  {before: 3, waiting: 9, received: 12},
		"more than there are":            {before: 3, waiting: 9, received: 13},
		"as many as can be said":         {before: 3, waiting: 9, received: 1<<64 - 1},
		"all that was written":           {before: 3, waiting: 9, received: 3, resumed: true},
		"some of what was written":       {before: 3, waiting: 9, received: 2, resumed: true},
		"what was written, none waits":   {before: 3, received: 3, resumed: true},
		"more than that, and none waits": {before: 3, received: 4},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.serve()
				p := w.hello(&wire.Hello{Resume: true})
				c := w.only()
				for range tc.before {
					require.NoError(t, c.Send("news", "old"))
					p.WantCommand("news")
				}
				p.Stream.Close() //nolint:errcheck // it is cut
				synctest.Wait()
				for range tc.waiting {
					require.NoError(t, c.Send("news", "new"))
				}
				p = w.peer()
				p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{
					Resume: true, Session: c.sess.ID(), Token: c.sess.Token(), Received: tc.received,
				}))
				welcome, err := wire.ParseWelcome(p.Want().Body, nil)
				require.NoError(t, err)
				require.Equal(t, tc.resumed, welcome.Resumed)
				synctest.Wait()
				require.Equal(t, tc.resumed, !c.isEnded())
				require.Equal(t, 1, w.srv.Len())
				if tc.resumed {
					for range uint64(tc.before) - tc.received {
						require.Equal(t, "old", p.WantCommand("news"))
					}
					for range tc.waiting {
						require.Equal(t, "new", p.WantCommand("news"))
					}
				}
				p.Stream.Close() //nolint:errcheck // it is over
			})
		})
	}
}

// A client joins anew if its server claims frames that were never written.
func TestServerResumesUnwrittenFrames(t *testing.T) {
	for _, received := range []uint64{1, 2, 3, 1<<64 - 1} {
		synctest.Test(t, func(t *testing.T) {
			lis := transport.NewPipeListener()
			cl := newTestClient(lis, &ClientOptions{Codec: testCodec{}, Retry: Retry{Min: time.Millisecond}})
			welcomes := func(w *wire.Welcome) *coretest.Peer {
				stream, err := lis.Accept()
				require.NoError(t, err)
				p := &coretest.Peer{T: t, Stream: stream}
				w.Session, w.Token = []byte("8 bytes."), []byte("a token of 16 B.")
				_, err = p.Answer(w)
				require.NoError(t, err)
				return p
			}
			connected := make(chan error, 1)
			go func() { connected <- cl.Connect(t.Context()) }()
			p := welcomes(&wire.Welcome{})
			require.NoError(t, <-connected)
			conn := cl.Conn()
			p.Stream.Close() //nolint:errcheck // it is cut
			synctest.Wait()
			require.NoError(t, cl.Send("say", "one"))
			require.NoError(t, cl.Send("say", "two"))
			p = welcomes(&wire.Welcome{Resumed: true, Received: received})
			<-conn.Done()
			require.Equal(t, CodeProtocol.String(), CodeOf(conn.Err()).String())
			require.NoError(t, cl.Close())
			<-cl.Done()
			p.Stream.Close() //nolint:errcheck // it is over
			lis.Close()      //nolint:errcheck // it is over
		})
	}
}
