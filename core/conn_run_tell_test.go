//go:build !js

package core

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Every hook may send, call and wait for the peer as a handler may, at both ends, with either
// dispatch, also while the stream breaks off and while a handler is busy. TestHooksMayWait provokes
// all hooks for each act and looks at one of them.

// A scene is one run of the test: a hook at one end, and the act of the hook.
type scene struct {
	*world
	cl, bob *Client

	hook   string
	act    func(s *scene, ctx context.Context, c *Conn) error
	cut    bool // the stream breaks off while the hook waits
	once   sync.Once
	result chan error
	hold   chan struct{} // closed when the busy handlers may return
	took   time.Duration
}

// told is called by each hook.
func (s *scene) told(hook string, c *Conn) {
	if hook != s.hook || s.act == nil {
		return
	}
	s.once.Do(func() {
		if c == nil { // a client's state hook
			c = s.cl.Conn()
		}
		if s.cut {
			time.AfterFunc(100*time.Millisecond, s.breakOff)
		}
		ctx, stop := context.WithTimeout(c.Context(), time.Minute)
		defer stop()
		start := time.Now()
		err := s.act(s, ctx, c)
		s.took = time.Since(start)
		s.result <- err
	})
}

func (s *scene) breakOff() { s.cl.Conn().sess.Link().Stream.Close() } //nolint:errcheck // it breaks off

// acts are the acts of a hook. Each needs the peer, the turn or a lock.
var acts = map[string]func(s *scene, ctx context.Context, c *Conn) error{
	"calls": func(_ *scene, ctx context.Context, c *Conn) error {
		got, err := Call[string](ctx, c, "slow", "hello")
		if err == nil && got != "hello" {
			return errors.New("the answer is " + got)
		}
		return err
	},
	"calls without its context": func(_ *scene, _ context.Context, c *Conn) error {
		ctx, stop := context.WithTimeout(context.Background(), time.Minute)
		defer stop()
		_, err := Call[string](ctx, c, "slow", "hello")
		return err
	},
	"sends more than the queue takes": func(_ *scene, ctx context.Context, c *Conn) error {
		for range 100 {
			if err := c.SendBytes("sink", make([]byte, 8<<10), Wait(ctx)); err != nil {
				return err
			}
		}
		return nil
	},
	"receives": func(_ *scene, ctx context.Context, c *Conn) error {
		if err := c.Send("tick me", struct{}{}); err != nil {
			return err
		}
		_, err := c.Recv(ctx, "tick")
		return err
	},
	"joins and renames": func(_ *scene, ctx context.Context, c *Conn) error {
		if err := c.Join(ctx, "hooked"); err != nil {
			return err
		}
		return c.Rename(ctx, "hooked")
	},
}

// register gives an end the handlers that acts need, and hooks.
func (s *scene) register(r Registrar, end string) {
	h := r.registrar()
	Handle(r, "slow", func(_ context.Context, _ *Conn, in string) (string, error) {
		time.Sleep(300 * time.Millisecond)
		return in, nil
	})
	h.OnBytes("sink", func(context.Context, *Conn, []byte) error { return nil })
	On(r, "tick me", func(_ context.Context, c *Conn, _ struct{}) error {
		time.Sleep(300 * time.Millisecond)
		return c.Send("tick", struct{}{})
	})
	On(r, "bad", func(context.Context, *Conn, struct{}) error { return errors.New("bad") })
	On(r, "busy", func(context.Context, *Conn, struct{}) error { <-s.hold; return nil })

	h.OnError(func(c *Conn, err error) {
		switch {
		case c == nil || CodeOf(err) == CodeConnLost:
		case CodeOf(err) == CodeTooBig:
			s.told(end+" error of the reader", c)
		case CodeOf(err) == CodeInternal:
			s.told(end+" error of a handler", c)
		}
	})
	h.OnMissed(func(c *Conn, _ uint64) { s.told(end+" missed", c) })
	h.OnRename(func(c *Conn, _, _ string) { s.told(end+" rename", c) })
	h.OnJoinGroup(func(c *Conn, _ string) { s.told(end+" join group", c) })
	h.OnLeaveGroup(func(c *Conn, _ string) { s.told(end+" leave group", c) })
	h.OnUndelivered(func(c *Conn, _ []Undelivered) { s.told(end+" undelivered", c) })
}

// serverHooks are the options of a server that are hooks.
func (s *scene) serverHooks(o *ServerOptions) {
	o.Access.AuthorizeCommand = func(_ context.Context, c *Conn, f Frame) error {
		if f.Command == "bad" {
			s.told("server AuthorizeCommand", c)
		}
		return nil
	}
	o.Access.AuthorizeName = func(_ context.Context, c *Conn, _ string) error { s.told("server AuthorizeName", c); return nil }
	o.Access.AuthorizeGroup = func(_ context.Context, c *Conn, _ string) error { s.told("server AuthorizeGroup", c); return nil }
}

// provoke makes all hooks run, in a fixed order.
func (s *scene) provoke() error {
	ctx, stop := context.WithTimeout(s.ctx, 10*time.Minute)
	defer stop()
	if err := s.cl.Connect(ctx); err != nil {
		return err
	}
	pause := func() { time.Sleep(5 * time.Second) } // hooks take a few seconds
	pause()
	there, here := s.serverConn(), s.cl.Conn()
	for _, do := range []func(){
		func() { there.Join(ctx, "g"); there.Leave(ctx, "g"); there.Rename(ctx, "ada2") },
		func() { s.cl.Join(ctx, "h"); s.cl.Leave(ctx, "h"); s.cl.Rename(ctx, "ada3") },
		func() { s.bob.Connect(ctx); s.bob.Rename(ctx, "bob2"); s.bob.Close() },
		func() { there.Send("bad", struct{}{}); here.Send("bad", struct{}{}) },
		func() {
			if s.busy() {
				there.Send("busy", struct{}{})
				here.Send("busy", struct{}{})
				time.AfterFunc(20*time.Second, func() { close(s.hold) })
			}
		},
		func() { there.out.Miss(1); here.out.Miss(1) },
		func() {
			for range 300 { // more messages than may wait
				there.SendRaw(make([]byte, 1<<10), Wait(ctx))
				here.SendRaw(make([]byte, 1<<10), Wait(ctx))
			}
		},
		s.breakOff,
		func() { time.Sleep(20 * time.Second) },
		func() {
			s.lis.Close()
			s.breakOff()
			time.Sleep(time.Second)
			here.Send("lost", struct{}{})
			there.Send("lost", struct{}{})
			time.Sleep(2 * time.Minute) // the session is over
			s.cl.Close()
		},
	} {
		do()
		pause()
	}
	return nil
}

func (s *scene) busy() bool { return !s.cut && busyHooks[s.hook] }

func (s *scene) serverConn() *Conn {
	for c := range s.srv.Clients() {
		return c
	}
	return nil
}

// busyHooks are the hooks that run beside a busy handler.
var busyHooks = map[string]bool{
	"server suspend": true, "server resume": true, "server missed": true, "server error of the reader": true,
	"client reconnecting": true, "client resumed": true, "client missed": true, "client error of the reader": true,
}

// over are the hooks that run when the connection has ended: their acts fail at once.
var over = map[string]bool{
	"server leave": true, "server undelivered": true, "client disconnected": true, "client undelivered": true,
}

var allHooks = []string{
	"server join", "server leave", "server suspend", "server resume", "server missed", "server error of the reader",
	"server error of a handler", "server rename", "server join group", "server leave group", "server undelivered",
	"server AuthorizeCommand", "server AuthorizeName", "server AuthorizeGroup",
	"client connecting", "client connected", "client reconnecting", "client resumed", "client disconnected", "client missed",
	"client error of the reader", "client error of a handler", "client rename", "client join group", "client leave group",
	"client undelivered", "client replay", "client replayed", "client connect", "client disconnect", "client renamed",
}

func TestHooksMayWait(t *testing.T) {
	for _, hook := range allHooks {
		for name, act := range acts {
			for _, manual := range []bool{false, true} {
				for _, cut := range []bool{false, true} {
					if cut && over[hook] {
						continue
					}
					t.Run(fmt.Sprintf("%s %s, manual %v, cut %v", hook, name, manual, cut), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) { runScene(t, hook, act, manual, cut) })
					})
				}
			}
		}
	}
}

func runScene(t *testing.T, hook string, act func(*scene, context.Context, *Conn) error, manual, cut bool) {
	s := &scene{hook: hook, act: act, cut: cut, result: make(chan error, 1), hold: make(chan struct{})}
	opts := &ServerOptions{
		Limits: Limits{QueueBytes: 256 << 10}, Timeouts: Timeouts{Resume: time.Minute},
		Access: Access{Notices: TellNames}, Manual: manual && hook[:6] == "server",
		History: History{Messages: 1, Replay: true},
	}
	s.serverHooks(opts)
	s.world = newWorld(t, opts)
	s.register(s.srv, "server")
	s.srv.OnJoin(func(c *Conn) {
		if c.Name() != "bob" {
			s.told("server join", c)
		}
	})
	s.srv.OnLeave(func(c *Conn, _ error) {
		if c.Name() != "bob2" {
			s.told("server leave", c)
		}
	})
	s.srv.OnSuspend(func(c *Conn, _ error) { s.told("server suspend", c) })
	s.srv.OnResume(func(c *Conn) { s.told("server resume", c) })

	s.bob = s.client("bob")
	copts := &ClientOptions{
		Name: "ada", Codec: testCodec{}, Logger: s.log, Retry: Retry{First: true, Max: 3 * time.Second, For: time.Minute},
		Manual: manual && hook[:6] == "client",
	}
	copts.QueueBytes = 256 << 10
	s.cl = made(NewClient(s.lis, copts))
	s.clients = append(s.clients, s.cl)
	s.register(s.cl, "client")
	s.cl.OnState(func(st State, _ error) {
		for s.cl.Conn() == nil { // "connecting" is told before there is a connection
			time.Sleep(time.Millisecond)
		}
		s.told("client "+st.String(), nil)
	})
	s.cl.OnReplay(func(c *Conn, _ Replay) { s.told("client replay", c) })
	s.cl.OnReplayed(func(c *Conn, _ Replay) { s.told("client replayed", c) })
	s.cl.OnClientConnect(func(Presence) { s.told("client connect", nil) })
	s.cl.OnClientDisconnect(func(Presence) { s.told("client disconnect", nil) })
	s.cl.OnClientRename(func(string, Presence) { s.told("client renamed", nil) })

	s.serve()
	ctx, stop := context.WithCancel(s.ctx)
	var running sync.WaitGroup
	if opts.Manual {
		running.Go(func() { s.srv.Run(ctx) }) //nolint:errcheck // it ends with ctx
	}
	if copts.Manual {
		running.Go(func() {
			for ctx.Err() == nil {
				s.cl.Update(0)
				time.Sleep(250 * time.Millisecond)
			}
		})
	}
	var failed atomic.Value
	running.Go(func() {
		if err := s.provoke(); err != nil {
			failed.Store(err)
		}
	})
	limit := time.NewTimer(20 * time.Minute)
	defer limit.Stop()
	var err error
	done := true
	select {
	case err = <-s.result:
	case <-limit.C:
		done = false
	}
	if !done {
		stop()
		s.world.cut()
		require.Fail(t, "the hook does not return, or did not run", "%v", failed.Load())
	}
	if over[hook] {
		if err == nil {
			t.Error("what it did over a connection that has ended did not fail")
		}
		if s.took > 0 {
			t.Error("it took", s.took)
		}
	} else if err != nil {
		t.Errorf("%v after %v", err, s.took)
	} else if s.took > 30*time.Second {
		t.Error("it took", s.took)
	}
	time.Sleep(10 * time.Minute) // the rest of the scene
	synctest.Wait()
	if failed.Load() != nil {
		t.Error(failed.Load())
	}
	end, cancel := context.WithTimeout(s.ctx, time.Minute)
	defer cancel()
	s.cl.Close()
	if err := s.srv.Shutdown(end); err != nil {
		t.Error(err)
	}
	stop()
	running.Wait()
}
