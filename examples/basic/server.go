package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"time"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/tcp"
)

// goodbyeTime is how long the shutdown may take.
const goodbyeTime = 2 * time.Second

// serve is the server. It runs until ctx ends.
func serve(ctx context.Context, t *terminal) error {
	host, port, err := askAddr(ctx, t, "to serve at", 0)
	if err != nil {
		return err
	}
	s, err := newServer(t)
	if err != nil {
		return err
	}
	l, err := tcp.Listen(net.JoinHostPort(host, port), nil)
	if err != nil {
		return fmt.Errorf("cannot serve there: %w", err)
	}
	// Serve closes the listener. The clients stay until Shutdown says goodbye to them.
	t.print("Serving at %s. Press Ctrl-C to stop.\n", l.Addr())
	err = s.Serve(ctx, l)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goodbyeTime)
	defer cancel()
	s.Shutdown(ctx) //nolint:errcheck // clients that did not read the goodbye in time have been cut off
	return err
}

// newServer returns the server with its handlers, which print to t.
func newServer(t *terminal) (*core.Server, error) {
	s, err := core.NewServer(&core.ServerOptions{Limits: core.Limits{MaxFrame: 64 << 10}})
	if err != nil {
		return nil, err
	}
	s.OnJoin(func(c *core.Conn) {
		t.print("%s joined%s.\n", c.Addr(), whoIs(c))
		c.Send("hello_message", now()) //nolint:errcheck // if the client has gone, OnLeave prints it
	})
	s.OnLeave(func(c *core.Conn, why error) {
		t.print("%s left.\n", c.Addr())
	})
	s.OnError(func(c *core.Conn, err error) {
		t.complain("%s", plain(err.Error()))
	})
	core.On(s, "processing1", func(_ context.Context, c *core.Conn, expr string) error {
		result, err := eval(expr, func() int64 { return 1 + rand.Int64N(100_000_000) })
		if err != nil {
			result = "error: " + err.Error()
		}
		t.print("%s asks for %s: %s\n", c.Addr(), plain(expr), plain(result))
		return c.SendRaw([]byte(result))
	})
	return s, nil
}

// whoIs returns the name and the groups of a client as text, if it has any.
func whoIs(c *core.Conn) string {
	var s string
	if name := c.Name(); name != "" {
		s += " with the name " + plain(name)
	}
	if groups := c.Groups(); len(groups) > 0 {
		s += " in the group " + plain(strings.Join(groups, ", "))
	}
	return s
}

// now returns the time in seconds since 1970, as text with a point.
func now() string { return floatText(float64(time.Now().UnixMicro()) / 1e6) }
