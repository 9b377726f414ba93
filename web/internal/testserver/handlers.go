//go:build !js

package main

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core"
)

// A line is a message in the chat of the tests.
type line struct {
	From string `json:"from"`
	Text string `json:"text"`
}

// codeSoldOut is a code of the program.
const codeSoldOut = core.CodeApplication + 1

func newServer(args []string) *core.Server {
	opts := &core.ServerOptions{
		Access: core.Access{UniqueNames: true, AuthorizeGroup: func(ctx context.Context, _ *core.Conn, group string) error {
			switch group {
			case "staff":
				return core.NewError(codeSoldOut, "staff only")
			case "slow":
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}, AuthorizeName: func(_ context.Context, _ *core.Conn, name string) error {
			if name == "busy" {
				return &core.Error{Code: core.CodeRateLimit, Message: "not so fast", RetryAfter: 1500 * time.Millisecond}
			}
			return nil
		}, Notices: func(_, of *core.Conn, p *core.Presence) bool {
			p.Groups, p.Addr = of.Groups(), of.Addr()
			return true
		}}, Timeouts: core.Timeouts{Heartbeat: 5 * time.Second},
		OverflowOf: map[string]core.Overflow{"tick": core.OverflowLatest},
		History:    core.History{Messages: 3, Replay: true},
	}
	if slices.Contains(args, "large") {
		opts.Limits = core.Limits{MaxFrame: 8 << 20, QueueBytes: 16 << 20}
	}
	if slices.Contains(args, "auth") {
		opts.Access.Authorize = freshTokens()
	}
	srv, err := core.NewServer(opts)
	if err != nil {
		panic(err)
	}
	// These frames come in the same write as the welcome, or shortly after it.
	srv.OnJoin(func(c *core.Conn) {
		for i := range 3 {
			c.Send("early", i) //nolint:errcheck // the tests miss what is not there
		}
		if c.InGroup("early raw") {
			c.SendRaw([]byte("first"))  //nolint:errcheck
			c.SendRaw([]byte("second")) //nolint:errcheck
		}
		if c.InGroup("early call") {
			who, err := core.Call[string](c.Context(), c, "who", "")
			c.Send("answered", who+core.CodeOf(err).String()) //nolint:errcheck
		}
	})
	calls(srv)
	commands(srv)
	numbers(srv)
	streams(srv)
	return srv
}

// freshTokens returns an Authorize that lets a client in once for each token. A token begins with "token".
func freshTokens() func(context.Context, *core.Admission) error {
	var mu sync.Mutex
	used := make(map[string]bool)
	return func(_ context.Context, a *core.Admission) error {
		token := string(a.Auth)
		mu.Lock()
		defer mu.Unlock()
		if !strings.HasPrefix(token, "token") || used[token] {
			return core.NewError(core.CodeUnauthorized, "that token will not do")
		}
		used[token] = true
		return nil
	}
}

// numbers registers handlers for tests of reloads: they return the events of a client by its name, and send and receive
// numbers.
func numbers(srv *core.Server) {
	var mu sync.Mutex
	events, counted := make(map[string][]string), make(map[string][]int)
	note := func(c *core.Conn, event string) {
		mu.Lock()
		events[c.Name()] = append(events[c.Name()], event)
		mu.Unlock()
	}
	srv.OnSuspend(func(c *core.Conn, _ error) {
		n, _ := c.Get("ticks").(int)
		for i := range n { // the page is away, so that one tick waits at most
			c.Send("tick", i) //nolint:errcheck // the tests miss what is not there
		}
		note(c, "suspend")
	})
	srv.OnResume(func(c *core.Conn) { note(c, "resume") })
	srv.OnLeave(func(c *core.Conn, why error) { note(c, "leave: "+core.CodeOf(why).String()) })
	core.Handle(srv, "events", func(_ context.Context, _ *core.Conn, name string) ([]string, error) {
		mu.Lock()
		defer mu.Unlock()
		return append([]string{}, events[name]...), nil
	})
	core.On(srv, "count", func(_ context.Context, c *core.Conn, n int) error {
		mu.Lock()
		counted[c.Name()] = append(counted[c.Name()], n)
		mu.Unlock()
		return nil
	})
	core.Handle(srv, "counted", func(_ context.Context, _ *core.Conn, name string) ([]int, error) {
		mu.Lock()
		defer mu.Unlock()
		return append([]int{}, counted[name]...), nil
	})
	core.On(srv, "stream", func(_ context.Context, c *core.Conn, n int) error {
		go func() {
			for i := range n {
				if c.Send("number", i) != nil || c.SendRaw([]byte(strconv.Itoa(i))) != nil {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}()
		return nil
	})
}

func calls(srv *core.Server) {
	srv.HandleBytes("echo", func(_ context.Context, _ *core.Conn, payload []byte) ([]byte, error) {
		return payload, nil
	})
	core.Handle(srv, "sum", func(_ context.Context, _ *core.Conn, in []int) (int, error) {
		total := 0
		for _, n := range in {
			total += n
		}
		return total, nil
	})
	core.Handle(srv, "double", func(_ context.Context, _ *core.Conn, n float64) (float64, error) { return 2 * n, nil })
	core.Handle(srv, "not", func(_ context.Context, _ *core.Conn, b bool) (bool, error) { return !b, nil })
	core.Handle(srv, "greet", func(_ context.Context, _ *core.Conn, name string) (string, error) {
		return "hello " + name, nil
	})
	core.Handle(srv, "buy", func(_ context.Context, _ *core.Conn, _ string) (string, error) {
		return "", core.NewError(codeSoldOut, "sold out")
	})
	core.Handle(srv, "quota", func(_ context.Context, _ *core.Conn, details []string) (string, error) {
		err := &core.Error{Code: codeSoldOut, Message: "too many", RetryAfter: 5 * time.Second}
		if len(details) > 0 {
			err.Details = []byte(details[0])
		}
		return "", err
	})
	// told calls the page and returns the fields of the page's error.
	core.Handle(srv, "told", func(ctx context.Context, c *core.Conn, command string) ([]string, error) {
		_, err := core.Call[string](ctx, c, command, "")
		var e *core.Error
		errors.As(err, &e)
		details, none := core.Details[map[string]int](err)
		return []string{e.Code.String(), e.Message, e.RetryAfter.String(), strconv.Itoa(details["left"]), strconv.FormatBool(none == nil)}, nil
	}, core.Concurrent())
	core.Handle(srv, "fail", func(_ context.Context, _ *core.Conn, _ string) (string, error) {
		return "", errors.New("open /etc/secret: denied")
	})
	core.Handle(srv, "panic", func(_ context.Context, _ *core.Conn, _ string) (string, error) {
		panic("as the test asked for")
	})
	core.Handle(srv, "groups", func(_ context.Context, c *core.Conn, _ string) ([]string, error) {
		return c.Groups(), nil
	})
	core.Handle(srv, "clients", func(_ context.Context, _ *core.Conn, _ string) (int, error) {
		return srv.Len(), nil
	})

	var abandoned atomic.Int64
	core.Handle(srv, "wait", func(ctx context.Context, _ *core.Conn, _ string) (string, error) {
		<-ctx.Done()
		abandoned.Add(1)
		return "", ctx.Err()
	}, core.Concurrent())
	core.Handle(srv, "abandoned", func(_ context.Context, _ *core.Conn, _ string) (int64, error) {
		return abandoned.Load(), nil
	})

	// ask calls the page back and returns the result.
	core.Handle(srv, "ask", func(ctx context.Context, c *core.Conn, question []string) (string, error) {
		answer, err := core.Call[string](ctx, c, question[0], question[1])
		if err != nil {
			return "failed: " + core.CodeOf(err).String() + ": " + err.Error(), nil
		}
		return "answer: " + answer, nil
	}, core.Concurrent())
	// askClient calls another page. Its arguments are the name of that client and the command.
	core.Handle(srv, "askClient", func(ctx context.Context, _ *core.Conn, question []string) (string, error) {
		c, err := srv.Client(question[0])
		if err != nil {
			return "", err
		}
		_, err = core.Call[string](ctx, c, question[1], "")
		return core.CodeOf(err).String(), nil
	}, core.Concurrent())
	// giveUp calls the page back and gives the call up soon.
	core.Handle(srv, "giveUp", func(ctx context.Context, c *core.Conn, command string) (string, error) {
		ctx, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		_, err := core.Call[string](ctx, c, command, "")
		return core.CodeOf(err).String(), nil
	}, core.Concurrent())
}

func commands(srv *core.Server) {
	core.On(srv, "say", func(_ context.Context, c *core.Conn, text string) error {
		return srv.All().Send("said", line{From: c.Name(), Text: text})
	})
	core.On(srv, "say to", func(_ context.Context, _ *core.Conn, to []string) error { // a group, and what
		return srv.Group(to[0]).Send("said to", to[1])
	})
	core.On(srv, "shout to", func(_ context.Context, _ *core.Conn, to []string) error {
		return srv.Group(to[0]).SendRaw([]byte(to[1]))
	})
	core.On(srv, "again", func(_ context.Context, c *core.Conn, group string) error {
		return srv.Group(group).Replay(c, 1)
	})
	srv.OnBytes("reflect", func(_ context.Context, c *core.Conn, payload []byte) error {
		return c.SendBytes("reflected", payload)
	})
	core.On(srv, "flood", func(_ context.Context, c *core.Conn, n int) error {
		for i := range n {
			if err := c.Send("n", i); err != nil {
				return err
			}
		}
		return nil
	})
	// Texts as fast as the page takes them.
	core.On(srv, "texts", func(ctx context.Context, c *core.Conn, n int) error {
		text := []byte(strings.Repeat("x", 128))
		for range n {
			if err := c.SendBytes("text", text, core.Wait(ctx)); err != nil {
				return err
			}
		}
		return nil
	})
	// Nothing comes of these commands.
	srv.OnBytes("take", func(context.Context, *core.Conn, []byte) error { return nil })
	core.Handle(srv, "tick when away", func(_ context.Context, c *core.Conn, n int) (struct{}, error) {
		c.Set("ticks", n)
		return struct{}{}, nil
	})
	core.On(srv, "raw please", func(_ context.Context, c *core.Conn, text string) error {
		return c.SendRaw([]byte(text))
	})
	core.On(srv, "kick me", func(_ context.Context, c *core.Conn, _ string) error {
		c.CloseWith(core.NewError(codeSoldOut, "out you go"))
		return nil
	})
	core.On(srv, "call me", func(ctx context.Context, c *core.Conn, name string) error { return c.Rename(ctx, name) })
	core.On(srv, "put me into", func(ctx context.Context, c *core.Conn, group string) error { return c.Join(ctx, group) })
	core.On(srv, "push to group", func(_ context.Context, _ *core.Conn, group string) error {
		return srv.Group(group).Send("pushed", "to "+strconv.Quote(group))
	})
	srv.OnMessage(func(_ context.Context, c *core.Conn, f core.Frame) error {
		if f.Kind == core.KindRaw {
			return c.SendRaw(append([]byte("back: "), f.Payload...))
		}
		return nil
	})
}
