//go:build !js

package core

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/transport"
)

// A network is a dialer for clients. It can fail, and counts dials.
type network struct {
	transport.Dialer
	delay func() time.Duration // of each dial; nil for none

	mu    sync.Mutex
	down  bool
	hangs bool // while it is down, dialing does not end by itself
	dials []time.Time
	wires []transport.Conn
}

var errNoNetwork = errors.New("no network")

func (n *network) Dial(ctx context.Context) (transport.Conn, error) {
	n.mu.Lock()
	n.dials = append(n.dials, time.Now())
	down, hangs := n.down, n.hangs
	n.mu.Unlock()
	switch {
	case down && hangs:
		<-ctx.Done()
		return nil, ctx.Err()
	case down:
		return nil, errNoNetwork
	case n.delay != nil:
		time.Sleep(n.delay())
	}
	stream, err := n.Dialer.Dial(ctx)
	if err == nil {
		n.mu.Lock()
		n.wires = append(n.wires, stream)
		n.mu.Unlock()
	}
	return stream, err
}

// fail cuts all streams. New streams cannot be dialed until mend.
func (n *network) fail(hangs bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down, n.hangs = true, hangs
	for _, stream := range n.wires {
		stream.Close() //nolint:errcheck // it is cut
	}
	n.wires = nil
}

func (n *network) mend() {
	n.mu.Lock()
	n.down = false
	n.mu.Unlock()
}

// dialed returns how often the network was dialed.
func (n *network) dialed() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return len(n.dials)
}

// over returns a client like [world.returning] that dials through n.
func (w *world) over(n *network, opts ClientOptions) (*Client, *kept[string]) {
	n.Dialer, opts.Codec = w.lis, testCodec{}
	if opts.Logger == nil {
		opts.Logger = &coretest.Log{}
	}
	cl := newTestClient(n, &opts)
	w.clients = append(w.clients, cl)
	return cl, statesOf(cl)
}

// statesOf records the states of a client.
func statesOf(cl *Client) *kept[string] {
	states := &kept[string]{}
	cl.OnState(func(s State, why error) {
		text := s.String()
		if why != nil {
			text += ": " + CodeOf(why).String()
		}
		states.Add(text)
	})
	return states
}
