//go:build !js

package core_test

import (
	"context"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
)

// A mailbox keeps undelivered messages by the name of their receiver.
type mailbox struct {
	mu   sync.Mutex
	mail map[string][]core.Undelivered
}

func (m *mailbox) store(c *core.Conn, frames []core.Undelivered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.mail[c.Name()] = append(m.mail[c.Name()], frames...)
}

func (m *mailbox) forward(c *core.Conn) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.mail[c.Name()] {
		c.SendBytes(f.Command, f.Payload) //nolint:errcheck // comes back to the mailbox if it is not delivered
	}
	delete(m.mail, c.Name())
}

// A server stores the messages that a client has missed when it did not come back, and forwards
// them to the next client of that name.
func ExampleServer_OnUndelivered() {
	ctx := context.Background()
	l := transport.NewPipeListener()
	srv, err := core.NewServer(&core.ServerOptions{Timeouts: core.Timeouts{Resume: 10 * time.Millisecond}})
	if err != nil {
		log.Fatal(err)
	}
	box := &mailbox{mail: map[string][]core.Undelivered{}}
	srv.OnUndelivered(box.store)
	srv.OnJoin(box.forward)
	left := make(chan bool)
	srv.OnSuspend(func(c *core.Conn, _ error) { c.Send("say", "where are you?") }) //nolint:errcheck // it is queued
	srv.OnLeave(func(*core.Conn, error) { left <- true })
	go srv.Serve(ctx, l) //nolint:errcheck // nil after Shutdown

	network := &once{Dialer: l}
	gone, err := core.NewClient(network, &core.ClientOptions{Name: "ada"})
	if err != nil {
		log.Fatal(err)
	}
	if err := gone.Connect(ctx); err != nil {
		fmt.Println(err)
		return
	}
	network.stream.Close() //nolint:errcheck // it fails
	<-left

	heard := make(chan string)
	back, err := core.NewClient(l, &core.ClientOptions{Name: "ada"})
	if err != nil {
		log.Fatal(err)
	}
	core.On(back, "say", func(_ context.Context, _ *core.Conn, text string) error { heard <- text; return nil })
	if err := back.Connect(ctx); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(<-heard)
	gone.Close()
	back.Close()
	<-left
	srv.Shutdown(ctx) //nolint:errcheck // nothing is left to cut
	// Output:
	// where are you?
}

// A once is a dialer that dials only once.
type once struct {
	transport.Dialer
	stream transport.Conn
}

func (o *once) Dial(ctx context.Context) (transport.Conn, error) {
	if o.stream != nil {
		return nil, transport.ErrClosed
	}
	stream, err := o.Dialer.Dial(ctx)
	o.stream = stream
	return stream, err
}
