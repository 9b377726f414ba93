package natsrelay

import (
	"context"
	"fmt"
	"time"

	"github.com/hisock/hisock/core"
)

// How long the entry of a claim that was released stays. NATS takes nothing shorter.
const releasedTime = time.Second

// A claim is the entry of a key: whose it is, and its value.
type claim struct {
	lease string
	value []byte
}

// encode returns the bytes of a claim.
func (c claim) encode() []byte {
	b := make([]byte, 0, 1+len(c.lease)+len(c.value))
	b = append(b, byte(len(c.lease)))
	b = append(b, c.lease...)
	return append(b, c.value...)
}

// parseClaim reads the bytes of a claim. It returns false if they are none, as for a claim that was released, and bytes that no node wrote:
// then the key is free.
func parseClaim(b []byte) (claim, bool) {
	if len(b) == 0 {
		return claim{}, false
	}
	size := int(b[0])
	b = b[1:]
	if size > len(b) || !isToken(string(b[:size])) || len(b)-size > core.MaxRelayValue {
		return claim{}, false
	}
	return claim{lease: string(b[:size]), value: b[size:]}, true
}

// Claim implements [core.RelayNode].
func (n *node) Claim(ctx context.Context, key string, value []byte) (mine bool, held []byte, err error) {
	if !isToken(key) || len(key) > core.MaxRelayToken || len(value) > core.MaxRelayValue {
		return false, nil, fmt.Errorf("%w: the claim on %.80q cannot be", ErrOptions, key)
	}
	ctx, end := n.during(ctx)
	defer end()
	for {
		own, err := n.holding(ctx)
		if err != nil {
			return false, nil, err
		}
		mine, held, err := n.claimWith(ctx, own, key, value)
		if err != nil {
			return false, nil, n.explain(ctx, err)
		}
		if !mine {
			return false, held, nil
		}
		if n.holds(own) {
			return true, nil, nil
		}
		// The lease was lost meanwhile, and the claim with it.
	}
}

// claimWith makes a claim that belongs to a lease of the node.
func (n *node) claimWith(ctx context.Context, own, key string, value []byte) (mine bool, held []byte, err error) {
	entry := claimEntry + key
	wanted := claim{lease: own, value: value}.encode()
	revision := uint64(0) // most keys are free
	for {
		_, err := n.store().put(ctx, entry, wanted, revision, 0)
		if !mustLook(err) {
			return err == nil, nil, err
		}
		e, ok, err := n.store().get(ctx, entry)
		if err != nil {
			return false, nil, err
		}
		revision = 0
		if !ok {
			continue
		}
		revision = e.revision
		there, ok := parseClaim(e.data)
		if !ok || there.lease == own {
			continue
		}
		free, err := n.isOver(ctx, there.lease)
		if err != nil {
			return false, nil, err
		}
		if !free {
			return false, there.value, nil
		}
	}
}

// Release implements [core.RelayNode].
func (n *node) Release(ctx context.Context, key string) error {
	ctx, end := n.during(ctx)
	defer end()
	own, err := n.holding(ctx)
	if err != nil {
		return err
	}
	for {
		e, ok, err := n.store().get(ctx, claimEntry+key)
		if err != nil {
			return n.explain(ctx, err)
		}
		there, isClaim := parseClaim(e.data)
		if !ok || !isClaim || there.lease != own {
			return nil
		}
		_, err = n.store().put(ctx, claimEntry+key, nil, e.revision, releasedTime)
		if err == nil {
			return nil
		}
		if !mustLook(err) {
			return n.explain(ctx, err)
		}
	}
}

// Lookup implements [core.RelayNode].
func (n *node) Lookup(ctx context.Context, key string) (held []byte, ok bool, err error) {
	ctx, end := n.during(ctx)
	defer end()
	if _, err := n.holding(ctx); err != nil {
		return nil, false, err
	}
	e, ok, err := n.store().get(ctx, claimEntry+key)
	if err != nil {
		return nil, false, n.explain(ctx, err)
	}
	there, isClaim := parseClaim(e.data)
	if !ok || !isClaim {
		return nil, false, nil
	}
	free, err := n.isOver(ctx, there.lease)
	if err != nil {
		return nil, false, n.explain(ctx, err)
	}
	if free {
		return nil, false, nil
	}
	return there.value, true, nil
}

// holding returns the id of the node's lease, or why the node cannot claim.
func (n *node) holding(ctx context.Context) (string, error) {
	if err := context.Cause(ctx); err != nil {
		return "", err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.closed:
		return "", ErrClosed
	case !n.up:
		return "", n.cutOffLocked()
	case !time.Now().Before(n.lease.until):
		return "", n.undecidedLocked()
	}
	return n.lease.id, nil
}

// holds reports whether a lease is still the node's lease.
func (n *node) holds(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lease.id == id
}

// during returns a context that also ends when the node is cut off or closed, and after the time of a lease.
func (n *node) during(ctx context.Context) (context.Context, context.CancelFunc) {
	n.mu.Lock()
	link := n.link
	n.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	ctx, stop := context.WithTimeoutCause(ctx, n.options.Lease, ErrUndecided)
	unhook := context.AfterFunc(link, func() { cancel(context.Cause(link)) })
	return ctx, func() {
		unhook()
		stop()
		cancel(nil)
	}
}

// explain returns why an operation with claims has failed.
func (n *node) explain(ctx context.Context, err error) error {
	switch why := context.Cause(ctx); why {
	case nil:
	case ErrUndecided:
		n.mu.Lock()
		defer n.mu.Unlock()
		return n.undecidedLocked()
	default:
		return why
	}
	return fmt.Errorf("%w: %w", ErrUndecided, err)
}
