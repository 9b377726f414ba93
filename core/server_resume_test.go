//go:build !js

package core

import (
	"context"
	"errors"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// returning returns a client that comes back by itself, and a record of its states.
func (w *world) returning(name string, r Retry, groups ...string) (*Client, *kept[string]) {
	cl := newTestClient(w.lis, &ClientOptions{Name: name, Groups: groups, Codec: testCodec{}, Retry: r})
	w.clients = append(w.clients, cl)
	return cl, statesOf(cl)
}

// events records what a server is told of its clients.
func (w *world) events() *kept[string] {
	events := &kept[string]{}
	w.srv.OnJoin(func(c *Conn) { events.Add("join " + c.Name()) })
	w.srv.OnSuspend(func(c *Conn, _ error) { events.Add("suspend " + c.Name()) })
	w.srv.OnResume(func(c *Conn) { events.Add("resume " + c.Name()) })
	w.srv.OnLeave(func(c *Conn, why error) { events.Add("leave " + c.Name() + ": " + CodeOf(why).String()) })
	return events
}

// breakOff cuts the stream of a connection as a lost network does.
func (c *Conn) breakOff() { c.sess.Link().Stream.Close() } //nolint:errcheck // it is cut

func TestResume(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		events := w.events()
		var said kept[string]
		On(w.srv, "say", func(_ context.Context, _ *Conn, s string) error { said.Add(s); return nil })
		release := make(chan struct{})
		Handle(w.srv, "wait", func(ctx context.Context, c *Conn, s string) (string, error) {
			select {
			case <-release:
				return "waited " + s, nil
			case <-ctx.Done():
				return "", ctx.Err()
			}
		})
		w.serve()
		cl, states := w.returning("ada", Retry{}, "red")
		var heard kept[string]
		On(cl, "news", func(_ context.Context, _ *Conn, s string) error { heard.Add(s); return nil })
		w.join(cl)
		conn, there := cl.Conn(), w.only()

		require.NoError(t, cl.Send("say", "one"))
		answer := make(chan string, 1)
		go func() {
			s, err := Call[string](w.ctx, cl, "wait", "long")
			if err != nil {
				s = err.Error()
			}
			answer <- s
		}()
		time.Sleep(20 * time.Millisecond) // until the slow handler no longer keeps the reader
		conn.breakOff()
		synctest.Wait()
		require.True(t, conn.Suspended())
		require.True(t, there.Suspended())
		require.Equal(t, 1, w.srv.Len())
		close(release) // the answers wait

		require.NoError(t, cl.Send("say", "two"))
		require.NoError(t, w.srv.Group("red").Send("news", "fresh"))
		require.NoError(t, cl.Join(w.ctx, "blue"))
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, "waited long", <-answer)
		require.Equal(t, []string{"one", "two"}, said.All())
		require.Equal(t, []string{"fresh"}, heard.All())
		require.Equal(t, []string{"blue", "red"}, cl.Groups())
		require.Same(t, conn, cl.Conn())
		require.Same(t, there, w.only())
		require.False(t, conn.Suspended())

		require.NoError(t, cl.Close())
		synctest.Wait()
		require.Equal(t, []string{"connected", "reconnecting: connection lost", "resumed", "disconnected: closed"}, states.All())
		require.Equal(t, []string{"join ada", "suspend ada", "resume ada", "leave ada: closed"}, events.All())
		<-cl.Done()
	})
}

// only returns the one client of the server.
func (w *world) only() *Conn {
	w.t.Helper()
	require.Equal(w.t, 1, w.srv.Len())
	for c := range w.srv.Clients() {
		return c
	}
	return nil
}

// Everything that is under way when a stream breaks off arrives once and in order.
func TestResumeLosesNothing(t *testing.T) {
	for seed := range uint64(20) {
		inWorld(t, nil, func(w *world) {
			const messages = 3000
			rng := rand.New(rand.NewPCG(seed, 0))
			events := w.events()
			var there, here kept[int]
			On(w.srv, "n", func(_ context.Context, c *Conn, n int) error {
				there.Add(n)
				if n%100 == 0 { // a slow handler: the reading is handed over
					time.Sleep(20 * time.Millisecond)
				}
				return c.Send("n", n)
			})
			On(w.srv, "bulk", func(context.Context, *Conn, []byte) error { return nil })
			w.serve()
			cl, _ := w.returning("ada", Retry{Min: time.Millisecond, Max: 10 * time.Millisecond})
			On(cl, "n", func(_ context.Context, _ *Conn, n int) error {
				here.Add(n)
				return nil
			})
			w.join(cl)
			c := w.only()
			sent := make(chan error, 1)
			go func() {
				for n := range messages {
					if err := cl.Send("n", n); err != nil {
						sent <- err
						return
					}
					if n%7 == 0 {
						time.Sleep(time.Millisecond)
					}
					if n%50 == 0 {
						if err := cl.Send("bulk", make([]byte, 10<<10)); err != nil {
							sent <- err
							return
						}
					}
				}
				sent <- nil
			}()
			for cuts := 0; len(here.All()) < messages && cuts < 2000; cuts++ {
				time.Sleep(time.Duration(rng.Int64N(int64(20 * time.Millisecond))))
				if rng.IntN(2) == 0 {
					cl.Conn().breakOff()
				} else {
					c.breakOff()
				}
			}
			require.NoError(t, <-sent)
			require.Eventually(t, func() bool { return len(here.All()) >= messages }, time.Minute, time.Second)
			all := make([]int, messages)
			for i := range all {
				all[i] = i
			}
			require.Equal(t, all, there.All(), "seed %d", seed)
			require.Equal(t, all, here.All(), "seed %d", seed)
			require.Greater(t, len(events.All()), 20, "it was cut, and came back")
			require.NotContains(t, events.All(), "leave ada: connection lost")
			require.NoError(t, cl.Close())
			<-cl.Done()
		})
	}
}

// A client that comes back too late joins anew. Both ends are told.
func TestResumeTooLate(t *testing.T) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Resume: 10 * time.Second}, Access: Access{UniqueNames: true}}, func(w *world) {
		events := w.events()
		w.serve()
		cl, states := w.returning("ada", Retry{})
		d := &gap{Dialer: w.lis}
		cl.dialer = d
		w.join(cl)
		first := cl.Conn()
		d.until = time.Now().Add(15 * time.Second)
		_, err := first.CallBytes(w.ctx, "nothing", nil)
		require.Equal(t, CodeUnknownCommand, CodeOf(err))
		first.breakOff()
		synctest.Wait()
		called := make(chan error, 1)
		go func() { _, err := first.CallBytes(w.ctx, "nothing", nil); called <- err }()
		time.Sleep(9 * time.Second)
		synctest.Wait()
		require.Equal(t, 1, w.srv.Len())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Equal(t, 0, w.srv.Len())
		for cl.Conn() == first {
			time.Sleep(time.Second)
		}
		synctest.Wait()
		require.Equal(t, CodeConnLost, CodeOf(<-called))
		require.Equal(t, 1, w.srv.Len())
		require.Equal(t, []string{"connected", "reconnecting: connection lost", "disconnected: connection lost", "connected"}, states.All())
		require.Equal(t, []string{"join ada", "suspend ada", "leave ada: connection lost", "join ada"}, events.All())
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}

// A gap is a dialer that reaches nobody until a point in time.
type gap struct {
	transport.Dialer
	until time.Time
}

func (d *gap) Dial(ctx context.Context) (transport.Conn, error) {
	if time.Now().Before(d.until) {
		return nil, errors.New("no network")
	}
	return d.Dialer.Dial(ctx)
}

// The session of a suspended client ends if more is sent to it than its queue holds. The client is
// told.
func TestResumeTooMuch(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 4 << 10}}, func(w *world) {
		events := w.events()
		w.serve()
		cl, states := w.returning("ada", Retry{Min: time.Second})
		w.join(cl)
		cl.Conn().breakOff()
		synctest.Wait()
		for range 10 {
			require.NoError(t, w.srv.All().Send("news", make([]byte, 1<<10)))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"connected", "reconnecting: connection lost", "disconnected: connection lost", "connected"}, states.All())
		require.Equal(t, []string{"join ada", "suspend ada", "leave ada: slow consumer", "join ada"}, events.All())
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}

// Written frames without an ack make room for new frames. The session cannot be resumed after that,
// and both ends are told.
func TestResumeOfFramesThatAreNotKept(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 4 << 10}}, func(w *world) {
		events := w.events()
		w.serve()
		p := w.hello(&wire.Hello{Name: "ada", Resume: true})
		c := w.only()
		for range 10 { // read, but not acknowledged
			require.NoError(t, c.SendBytes("news", make([]byte, 1<<10)))
			p.WantCommand("news")
		}
		require.NoError(t, p.Stream.Close())
		synctest.Wait()
		require.LessOrEqual(t, c.Stats().Kept, 4<<10)
		q := w.peer()
		q.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{
			Name: "ada", Resume: true, Session: c.sess.ID(), Token: c.sess.Token(), Received: 2,
		}))
		f := q.Want()
		welcome, err := wire.ParseWelcome(f.Body, nil)
		require.NoError(t, err)
		require.False(t, welcome.Resumed)
		synctest.Wait()
		require.Equal(t, []string{"join ada", "suspend ada", "leave ada: connection lost", "join ada"}, events.All())
		require.NoError(t, q.Stream.Close())
	})
}

// Only a client with the token can resume a session. Others do not learn whether the session
// exists.
func TestResumeNeedsToken(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		events := w.events()
		w.serve()
		cl, _ := w.returning("ada", Retry{Min: time.Hour, Max: time.Hour})
		w.join(cl)
		c := w.only()
		id, token := c.sess.ID(), append([]byte(nil), c.sess.Token()...)
		wrong := append([]byte(nil), token...)
		wrong[len(wrong)-1] ^= 1
		for name, h := range map[string]wire.Hello{
			"wrong token":   {Session: id, Token: wrong},
			"short token":   {Session: id, Token: token[:8]},
			"wrong session": {Session: session.MakeID(0, 999), Token: token},
			"no session":    {Token: token},
			"long session":  {Session: append(id, 0), Token: token},
		} {
			h.Name, h.Resume = name, true
			p := w.peer()
			p.Send(wire.AppendHello([]byte(wire.Preface), &h))
			welcome, err := wire.ParseWelcome(p.Want().Body, nil)
			require.NoError(t, err)
			require.False(t, welcome.Resumed, name)
			require.NotEqual(t, token, welcome.Token)
			p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed}))
			p.WantEnd()
		}
		synctest.Wait()
		require.NotContains(t, events.All(), "suspend ada")
		require.False(t, c.Suspended())
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}

// A second connection with the token ends the first: a client may notice earlier than its server
// that a stream is dead.
func TestResumeWhileLinked(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		events := w.events()
		w.serve()
		p := w.hello(&wire.Hello{Name: "ada", Resume: true})
		c := w.only()
		require.NoError(t, c.Send("n", 1))
		require.NoError(t, c.Send("n", 2))
		require.Equal(t, "1", p.WantCommand("n"))
		for range 3 {
			q := w.peer()
			q.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{
				Name: "ada", Resume: true, Session: c.sess.ID(), Token: c.sess.Token(), Received: 1,
			}))
			welcome, err := wire.ParseWelcome(q.Want().Body, nil)
			require.NoError(t, err)
			require.True(t, welcome.Resumed)
			require.Equal(t, "2", q.WantCommand("n"))
			require.Equal(t, 1, w.srv.Len())
			p.Drain()        //nolint:errcheck // whatever the end is
			p.Stream.Close() //nolint:errcheck // it is over
			p = q
		}
		p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed}))
		p.WantEnd()
		synctest.Wait()
		require.Equal(t, []string{
			"join ada", "suspend ada", "resume ada", "suspend ada", "resume ada",
			"suspend ada", "resume ada", "leave ada: closed",
		}, events.All())
	})
}

// A hello that comes late, of an attempt that the client has given up, takes nothing from the client
// that has gone on meanwhile.
func TestResumeByALateHello(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		p := w.peer()
		p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Name: "ada", Resume: true, MaxFrame: 1 << 20}))
		welcome, err := wire.ParseWelcome(p.Want().Body, nil)
		require.NoError(t, err)
		p.Send(wire.AppendAck(nil, 0)) // the peer has the token
		synctest.Wait()
		c := w.only()
		hello := func(received uint64) (*coretest.Peer, *wire.Welcome) {
			p := w.peer()
			p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{
				Name: "ada", Resume: true, Session: welcome.Session, Token: welcome.Token, Received: received,
			}))
			again, err := wire.ParseWelcome(p.Want().Body, nil)
			require.NoError(t, err)
			return p, again
		}
		for i := range 4 { // each fills a write
			require.NoError(t, c.SendBytes("n", append(make([]byte, 100<<10), byte('0'+i))))
		}
		for range 3 {
			p.WantCommand("n")
		}
		p.Stream.Close() //nolint:errcheck // it breaks off
		old, again := hello(0)
		require.True(t, again.Resumed)
		old.Stream.Close() //nolint:errcheck // the rest was not sent to it
		synctest.Wait()

		p, again = hello(3)
		require.True(t, again.Resumed, "it has got more than was written to the last stream")
		require.Equal(t, byte('3'), p.WantCommand("n")[100<<10])
		p.Send(wire.AppendAck(nil, 4))
		synctest.Wait()

		old, again = hello(0)
		require.False(t, again.Resumed, "what it lacks has been acknowledged")
		require.Equal(t, 2, w.srv.Len())
		old.Stream.Close() //nolint:errcheck // the client has given it up
		require.NoError(t, c.SendBytes("n", []byte("still here")))
		require.Equal(t, "still here", p.WantCommand("n"))
		require.False(t, c.Suspended())
		require.NoError(t, c.Err(), "it is the newcomer that leaves, without having had its token")
		p.Stream.Close() //nolint:errcheck // it is over
	})
}
