package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
)

// connectTime is how long joining may take.
const connectTime = 10 * time.Second

// firstExpr is the expression that the client sends when the server greets it.
const firstExpr = randName + "**2"

// join is the client. It returns nil at the end of ctx or of the input, and an error if the server ends.
func join(ctx context.Context, t *terminal, classic bool) error {
	host, port, err := askAddr(ctx, t, "of the server", 1)
	if err != nil {
		return err
	}
	name, err := t.ask(ctx, "Name? (Enter for none)", "", checkName)
	if err != nil {
		return err
	}
	group, err := t.ask(ctx, "Group? (Enter for none)", "", checkName)
	if err != nil {
		return err
	}
	opts := &core.ClientOptions{Name: name, Retry: core.Retry{Off: true}} // it ends with its server, as the original does
	if group != "" {
		opts.Groups = []string{group}
	}
	if classic {
		opts.Classic = &core.Classic{}
	}
	g, err := newGuest(t, tcp.Dialer(net.JoinHostPort(host, port), nil), opts)
	if err != nil {
		return err
	}
	if err := g.connect(ctx); err != nil {
		return fmt.Errorf("cannot join: %w", err)
	}
	defer func() {
		g.client.Close()
		<-g.client.Done()
	}()
	return g.talk(ctx)
}

// A guest is a client of the server.
type guest struct {
	*terminal
	client *core.Client
	joined time.Time // time at which it began to join

	turn    chan struct{} // a lock for the goroutine that waits for a result, because results have no names
	greeted chan struct{} // closed when the first result has come
	once    sync.Once     // closes greeted
}

func newGuest(t *terminal, d transport.Dialer, opts *core.ClientOptions) (*guest, error) {
	client, err := core.NewClient(d, opts)
	if err != nil {
		return nil, err
	}
	g := &guest{
		terminal: t,
		client:   client,
		turn:     make(chan struct{}, 1),
		greeted:  make(chan struct{}),
	}
	core.On(g.client, "hello_message", g.hello)
	g.client.OnError(func(_ *core.Conn, err error) {
		// talk prints the error that ends the connection.
		if g.client.Err() == nil {
			t.complain("%s", plain(err.Error()))
		}
	})
	return g, nil
}

func (g *guest) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	g.joined = time.Now()
	return g.client.Connect(ctx)
}

// hello handles the greeting. It waits for a result over its own connection, which a handler may do.
func (g *guest) hello(ctx context.Context, _ *core.Conn, sent float64) error {
	since := sent - float64(g.joined.UnixMicro())/1e6
	g.print("The server says hello, %.3f ms after we set out to join it.\n", since*1e3)
	if err := g.compute(ctx, firstExpr); err != nil {
		return err
	}
	g.once.Do(func() {
		g.print("Type something else to compute. The end of the input leaves.\n")
		close(g.greeted)
	})
	return nil
}

// compute asks the server to compute expr, and prints the result.
func (g *guest) compute(ctx context.Context, expr string) error {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := g.client.Send("processing1", expr); err != nil {
		return err
	}
	result, err := g.client.RecvRaw(ctx)
	if err != nil {
		return err
	}
	g.print("%s = %s\n", plain(expr), plain(string(result)))
	return nil
}

// talk waits for the greeting, and then asks the server to compute each line that is typed.
func (g *guest) talk(ctx context.Context) error {
	select {
	case <-g.greeted:
	case <-g.client.Done():
		return g.lost()
	case <-ctx.Done():
		return nil
	}
	for {
		select {
		case expr, more := <-g.lines:
			switch {
			case !more:
				return nil
			case expr == "":
			case len(expr) > maxExpr:
				g.complain("not sent: it has more than %d bytes", maxExpr)
			default:
				if err := g.compute(ctx, expr); err != nil && g.client.Err() == nil {
					return err
				}
			}
		case <-g.client.Done():
			return g.lost()
		case <-ctx.Done():
			return nil
		}
	}
}

// lost returns why the connection to the server has ended.
func (g *guest) lost() error {
	if core.CodeOf(g.client.Err()) == core.CodeShutdown {
		return errors.New("the server has stopped")
	}
	return fmt.Errorf("the server is gone: %w", g.client.Err())
}
