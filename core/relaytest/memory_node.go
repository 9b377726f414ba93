package relaytest

import (
	"context"
	"slices"
	"time"

	"github.com/hisock/hisock/core"
)

// A node is a [core.RelayNode] of a [Memory].
type node struct {
	m       *Memory
	way     *MemoryRelay
	id      string
	h       core.RelayHandler
	wake    chan struct{} // has an element when there are events
	closing chan struct{} // closed when the node is over
	done    chan struct{} // closed when run has ended

	// Guarded by Memory.mu.
	events  []event
	waiting int  // bytes of messages in events
	lost    int  // messages that were dropped and not told of yet
	lease   int  // grows each time that the node loses its claims
	expired bool // the lease has run out since the node lost touch with the claims
	over    bool
	overAt  time.Time // when the node was heard of last, if it is over
}

// An event is what the handler is told: a message, or one of the others.
type event struct {
	due        time.Time
	topic      string
	payload    []byte
	message    bool
	up         bool
	down       error
	claimsLost bool
}

// putLocked queues an event for the handler.
func (n *node) putLocked(e event) {
	if n.m.opts.Delay > 0 {
		e.due = time.Now().Add(n.m.opts.Delay)
	}
	n.events = append(n.events, e)
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

// renewLocked notes whether the lease lasts.
func (n *node) renewLocked() {
	heard := n.way.lostAt
	switch {
	case n.over:
		heard = n.overAt
	case n.way.holdsClaims():
		if n.expired {
			n.expired = false
			n.putLocked(event{claimsLost: true})
		}
		return
	}
	if !n.expired && time.Since(heard) >= n.m.opts.Lease {
		n.expired = true
		n.lease++
	}
}

// run calls the handler, until the node is over.
func (n *node) run() {
	defer close(n.done)
	for {
		e, lost, ok := n.next()
		if !ok {
			select {
			case <-n.wake:
				continue
			case <-n.closing:
				return
			}
		}
		if wait := time.Until(e.due); !e.due.IsZero() && wait > 0 {
			select {
			case <-time.After(wait):
			case <-n.closing:
				return
			}
		}
		select {
		case <-n.closing:
			return
		default:
		}
		if lost > 0 {
			n.h.Lost(lost)
		}
		switch {
		case e.message:
			n.h.Message(e.topic, e.payload)
		case e.up:
			n.h.Up()
		case e.down != nil:
			n.h.Down(e.down)
		case e.claimsLost:
			n.h.ClaimsLost()
		}
	}
}

// next takes the first event, and the number of lost messages that nobody has been told of.
func (n *node) next() (e event, lost int, ok bool) {
	n.m.mu.Lock()
	defer n.m.mu.Unlock()
	if len(n.events) == 0 {
		return e, 0, false
	}
	e = n.events[0]
	n.events[0] = event{}
	n.events = n.events[1:]
	n.waiting -= len(e.payload)
	lost, n.lost = n.lost, 0
	return e, lost, true
}

func (n *node) Publish(batch []core.RelayMessage) (sent int, err error) {
	n.m.mu.Lock()
	defer n.m.mu.Unlock()
	for i, msg := range batch {
		switch {
		case n.over:
			return i, errClosed
		case n.way.away:
			return i, errCut
		case len(msg.Payload) > n.m.opts.MaxPayload:
			return i, errTooBig
		}
		n.m.sendLocked(n, msg)
	}
	return len(batch), nil
}

func (n *node) Subscribe(topic string) error {
	n.m.mu.Lock()
	defer n.m.mu.Unlock()
	if n.over {
		return errClosed
	}
	of := n.m.topics[topic]
	if of == nil {
		of = make(map[*node]struct{})
		n.m.topics[topic] = of
	}
	of[n] = struct{}{}
	return nil
}

func (n *node) Unsubscribe(topic string) error {
	n.m.mu.Lock()
	defer n.m.mu.Unlock()
	if n.over {
		return errClosed
	}
	of := n.m.topics[topic]
	delete(of, n)
	if len(of) == 0 {
		delete(n.m.topics, topic)
	}
	return nil
}

// beginClaimLocked returns why the node cannot ask about claims now, or nil.
func (n *node) beginClaimLocked(ctx context.Context) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case n.over:
		return errClosed
	case !n.way.holdsClaims():
		return errCut
	}
	return nil
}

func (n *node) Claim(ctx context.Context, key string, value []byte) (mine bool, held []byte, err error) {
	n.m.mu.Lock()
	defer n.m.mu.Unlock()
	if err := n.beginClaimLocked(ctx); err != nil {
		return false, nil, err
	}
	if c, ok := n.m.claimLocked(key); ok && c.of != n {
		return false, slices.Clone(c.value), nil
	}
	n.m.claims[key] = claim{of: n, lease: n.lease, value: slices.Clone(value)}
	return true, nil, nil
}

func (n *node) Release(ctx context.Context, key string) error {
	n.m.mu.Lock()
	defer n.m.mu.Unlock()
	if err := n.beginClaimLocked(ctx); err != nil {
		return err
	}
	if c, ok := n.m.claimLocked(key); ok && c.of == n {
		delete(n.m.claims, key)
	}
	return nil
}

func (n *node) Lookup(ctx context.Context, key string) (held []byte, ok bool, err error) {
	n.m.mu.Lock()
	defer n.m.mu.Unlock()
	if err := n.beginClaimLocked(ctx); err != nil {
		return nil, false, err
	}
	c, ok := n.m.claimLocked(key)
	return slices.Clone(c.value), ok, nil
}

func (n *node) MaxPayload() int      { return n.m.opts.MaxPayload }
func (n *node) Lease() time.Duration { return n.m.opts.Lease }

func (n *node) Close(ctx context.Context) error {
	n.m.mu.Lock()
	if !n.over && n.way.holdsClaims() {
		for key, c := range n.m.claims {
			if c.of == n {
				delete(n.m.claims, key)
			}
		}
	}
	n.m.dropLocked(n)
	n.m.mu.Unlock()
	select {
	case <-n.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
