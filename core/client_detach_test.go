//go:build !js

package core

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A restarting program is a sequence of clients. Each client goes on with the session of the client
// before.
type restarting struct {
	w      *world
	opts   ClientOptions
	set    func(cl *Client) // registers the handlers of a new client
	cl     *Client
	states kept[string]
}

func (w *world) restarting(opts ClientOptions, set func(cl *Client)) *restarting {
	opts.Codec = testCodec{}
	opts.Logger = w.log
	if opts.Retry == (Retry{}) {
		opts.Retry = Retry{Min: time.Millisecond, Max: 10 * time.Millisecond}
	}
	r := &restarting{w: w, opts: opts, set: set}
	r.start(nil)
	return r
}

func (r *restarting) start(session []byte) {
	opts := r.opts
	opts.Session = session
	r.cl = newTestClient(r.w.lis, &opts)
	r.w.clients = append(r.w.clients, r.cl)
	r.cl.OnState(func(s State, _ error) { r.states.Add(s.String()) })
	r.set(r.cl)
	for tries := 0; ; tries++ { // an attempt of the client before may come between
		err := r.cl.Connect(r.w.ctx)
		if err == nil {
			break
		}
		require.Equal(r.w.t, CodeConnLost, CodeOf(err))
		require.Less(r.w.t, tries, 5)
	}
	if opts.Manual {
		go r.cl.Run(r.w.ctx) //nolint:errcheck // it ends with the client
	}
}

// restart ends one program and begins the next.
func (r *restarting) restart() {
	r.w.t.Helper()
	most := r.cl.SessionBytes()
	session, err := r.cl.Detach()
	require.NoError(r.w.t, err)
	require.LessOrEqual(r.w.t, len(session), most)
	r.start(session)
}

func TestDetach(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		events := w.events()
		var said kept[string]
		On(w.srv, "say", func(_ context.Context, _ *Conn, s string) error { said.Add(s); return nil })
		w.serve()
		var heard kept[string]
		r := w.restarting(ClientOptions{Name: "ada", Groups: []string{"red"}}, func(cl *Client) {
			On(cl, "news", func(_ context.Context, _ *Conn, s string) error { heard.Add(s); return nil })
		})
		synctest.Wait()
		c := w.only()
		require.NoError(t, r.cl.Join(w.ctx, "blue"))
		require.NoError(t, r.cl.Rename(w.ctx, "grace"))
		synctest.Wait()
		require.NoError(t, r.cl.Send("say", "before"))
		r.cl.Conn().breakOff()
		go r.cl.Join(w.ctx, "green") //nolint:errcheck // nobody hears the answer
		synctest.Wait()
		session, err := r.cl.Detach()
		require.NoError(t, err)
		require.Equal(t, CodeClosed, CodeOf(r.cl.Send("say", "after")))
		<-r.cl.Done()
		require.Equal(t, CodeClosed, CodeOf(r.cl.Err()))
		require.Equal(t, 0, r.cl.SessionBytes())
		_, err = r.cl.Detach()
		require.Equal(t, CodeNotConnected, CodeOf(err))
		synctest.Wait()
		require.True(t, c.Suspended())
		require.NoError(t, c.Send("news", "meanwhile"))
		require.NoError(t, w.srv.Group("red").Send("news", "to red"))
		time.Sleep(time.Second)

		r.start(session)
		require.Equal(t, "grace", r.cl.Name())
		require.Subset(t, r.cl.Groups(), []string{"blue", "red"}) // the server may have answered what was asked before
		synctest.Wait()
		require.Equal(t, []string{"blue", "green", "red"}, r.cl.Groups())
		require.Same(t, c, w.only())
		require.NoError(t, r.cl.Send("say", "again"))
		require.NoError(t, c.Send("news", "now"))
		synctest.Wait()
		require.Equal(t, []string{"before", "again"}, said.All())
		require.Equal(t, []string{"meanwhile", "to red", "now"}, heard.All())
		require.NoError(t, r.cl.Close())
		<-r.cl.Done()
		synctest.Wait()
		require.Equal(t, []string{"connected", "reconnecting", "disconnected", "resumed", "disconnected"}, r.states.All())
		require.Equal(t, []string{"join ada", "suspend grace", "resume grace", "leave grace: closed"}, events.All())
	})
}

// A program that restarts at any moment loses nothing and gets nothing twice, in either direction.
// It has slow handlers, streams that break off, and dispatch by hand.
func TestDetachLosesNothing(t *testing.T) {
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inWorld(t, &ServerOptions{Timeouts: Timeouts{Resume: time.Minute}}, func(w *world) { restartAtRandom(w, seed) })
		})
	}
}

func restartAtRandom(w *world, seed uint64) {
	const messages = 1500
	t, rng := w.t, rand.New(rand.NewPCG(seed, 0))
	slow := seed%2 == 1
	events := w.events()
	var there, here, raw kept[int]
	On(w.srv, "n", func(_ context.Context, _ *Conn, n int) error {
		there.Add(n)
		if n%100 == 0 {
			time.Sleep(20 * time.Millisecond)
		}
		return nil
	})
	w.serve()
	opts := ClientOptions{Name: "ada", Manual: seed%8 == 5}
	r := w.restarting(opts, func(cl *Client) {
		On(cl, "n", func(_ context.Context, _ *Conn, n int) error {
			here.Add(n)
			if slow && n%40 == 0 {
				time.Sleep(15 * time.Millisecond)
			}
			return nil
		})
		if seed%3 == 0 { // else they are kept until somebody receives them
			cl.OnMessage(func(_ context.Context, _ *Conn, f Frame) error {
				if f.Kind == KindRaw {
					raw.Add(int(f.Payload[0]) + int(f.Payload[1])<<8)
				}
				return nil
			})
		}
	})
	synctest.Wait()
	c := w.only()
	restarts := 0
	sent := make(chan error, 1)
	go func() {
		for n := range messages {
			if err := errors.Join(c.Send("n", n), c.SendRaw([]byte{byte(n), byte(n >> 8)})); err != nil {
				sent <- err
				return
			}
			if n%9 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		sent <- nil
	}()
	for n := 0; n < messages; {
		for range rng.IntN(120) {
			if n < messages {
				require.NoError(t, r.cl.Send("n", n))
				n++
			}
		}
		time.Sleep(time.Duration(rng.Int64N(int64(8 * time.Millisecond))))
		switch rng.IntN(4) {
		case 0:
			r.cl.Conn().breakOff()
		case 1:
			c.breakOff()
		default:
			r.restart()
			restarts++
		}
		if seed%3 != 0 && rng.IntN(3) == 0 {
			receive(w, r.cl, &raw)
		}
	}
	require.NoError(t, <-sent)
	time.Sleep(time.Minute)
	synctest.Wait()
	if seed%3 != 0 {
		receive(w, r.cl, &raw)
	}
	all := make([]int, messages)
	for i := range all {
		all[i] = i
	}
	require.Equal(t, all, there.All())
	require.Equal(t, all, here.All())
	require.Equal(t, all, raw.All())
	require.NotContains(t, fmt.Sprint(events.All()), "leave")
	require.Greater(t, restarts, 5)
	require.Same(t, c, w.only())
	require.NoError(t, r.cl.Close())
	<-r.cl.Done()
}

// receive takes all raw messages that wait.
func receive(w *world, cl *Client, raw *kept[int]) {
	for {
		ctx, cancel := context.WithTimeout(w.ctx, time.Millisecond)
		b, err := cl.RecvRaw(ctx)
		cancel()
		if err != nil {
			return
		}
		raw.Add(int(b[0]) + int(b[1])<<8)
	}
}

// Calls under way end at both ends when the client is detached. A call that no handler has been
// given goes on.
func TestDetachCalls(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var gaveUp kept[string]
		Handle(w.srv, "wait", func(ctx context.Context, _ *Conn, s string) (string, error) {
			<-ctx.Done()
			gaveUp.Add(s)
			return "", ctx.Err()
		}, Concurrent())
		Handle(w.srv, "echo", func(_ context.Context, _ *Conn, s string) (string, error) { return s, nil })
		w.serve()
		var asked kept[string]
		r := w.restarting(ClientOptions{Name: "ada"}, func(cl *Client) {
			Handle(cl, "slow", func(ctx context.Context, _ *Conn, s string) (string, error) {
				asked.Add(s)
				if s == "first" {
					<-ctx.Done()
				}
				return "answer to " + s, nil
			})
			Handle(cl, "beside", func(ctx context.Context, _ *Conn, s string) (string, error) {
				<-ctx.Done()
				return s, nil
			}, Concurrent())
		})
		synctest.Wait()
		c := w.only()
		answers := make(map[string]chan string)
		for _, call := range [][2]string{{"slow", "first"}, {"slow", "second"}, {"beside", "third"}} {
			ch := make(chan string, 1)
			answers[call[1]] = ch
			go func() {
				s, err := Call[string](w.ctx, c, call[0], call[1])
				ch <- s + CodeOf(err).String()
			}()
			synctest.Wait()
		}
		mine := make(chan error, 1)
		go func() { _, err := Call[string](w.ctx, r.cl, "wait", "mine"); mine <- err }()
		time.Sleep(time.Second)

		r.restart()
		require.Equal(t, CodeClosed, CodeOf(<-mine))
		require.Equal(t, "connection lost", <-answers["first"])
		require.Equal(t, "answer to secondnone", <-answers["second"])
		require.Equal(t, "connection lost", <-answers["third"])
		require.Equal(t, []string{"first", "second"}, asked.All())
		synctest.Wait()
		require.Equal(t, []string{"mine"}, gaveUp.All(), "the server need not go on with it")
		s, err := Call[string](w.ctx, r.cl, "echo", "new")
		require.NoError(t, err)
		require.Equal(t, "new", s, "its id is none of an earlier call's")
		require.NoError(t, r.cl.Close())
		<-r.cl.Done()
	})
}

// A handler may detach its own client. A suspended client can be detached, too.
func TestDetachFromWithin(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		sessions := make(chan []byte, 1)
		var heard kept[int]
		r := w.restarting(ClientOptions{Name: "ada"}, func(cl *Client) {
			On(cl, "n", func(_ context.Context, _ *Conn, n int) error {
				heard.Add(n)
				if n%10 == 3 {
					session, err := cl.Detach()
					sessions <- session
					return err
				}
				return nil
			})
		})
		synctest.Wait()
		c := w.only()
		for round := range 3 {
			for n := range 10 {
				require.NoError(t, c.Send("n", 10*round+n))
			}
			session := <-sessions
			require.NotEmpty(t, session)
			if round == 2 { // it goes away before it is back
				r.cl = newTestClient(&gap{Dialer: w.lis, until: time.Now().Add(time.Hour)}, &ClientOptions{Session: session})
				require.Error(t, r.cl.Connect(w.ctx))
				_, err := r.cl.Detach()
				require.Equal(t, CodeNotConnected, CodeOf(err))
			}
			r.start(session)
		}
		synctest.Wait()
		r.cl.Conn().breakOff()
		session, err := r.cl.Detach()
		require.NoError(t, err)
		require.NoError(t, c.Send("n", 30))
		r.start(session)
		synctest.Wait()
		all := make([]int, 31)
		for i := range all {
			all[i] = i
		}
		require.Equal(t, all, heard.All())
		require.NoError(t, r.cl.Close())
		<-r.cl.Done()
	})
}

func TestDetachNeedsASession(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		cl := w.client("ada")
		_, err := cl.Detach()
		require.Equal(t, CodeNotConnected, CodeOf(err))
		require.Zero(t, cl.SessionBytes())
		w.join(cl)
		_, err = cl.Detach()
		require.Equal(t, CodeUnsupported, CodeOf(err))
		require.Zero(t, cl.SessionBytes())
		require.NoError(t, cl.Send("x", 1), "it goes on")
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}

func TestUndeliveredOfADetachedSession(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		var net network
		cl, _ := w.over(&net, ClientOptions{Name: "ada"})
		left := leftovers(cl)
		w.join(cl)
		net.fail(false)
		synctest.Wait()
		require.NoError(t, cl.SendBytes("say", nil))
		_, err := cl.Detach()
		require.NoError(t, err)
		<-cl.Done()
		require.Empty(t, left.All())
		time.Sleep(time.Minute)
	})
}
