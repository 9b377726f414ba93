package natsrelay

import (
	"context"
	"crypto/rand"
	"time"
)

// What the entry of a lease holds. Other bytes mean the same as an end.
const (
	alive = "alive"
	over  = "over"
)

// How long the end of a lease is kept. A node that comes back later finds no entry, which says the same.
const overTime = time.Minute

// The most ends of leases that a node remembers.
const maxDead = 4096

// A lease is what the claims of a node hang on.
type lease struct {
	id       string
	revision uint64    // of its entry; only the node's keeper uses it
	until    time.Time // by the clock of this machine: the lease lasts until then, unless the connection is lost before
}

// newLease returns a lease of a node that has no entry yet.
func newLease(node string) lease {
	return lease{id: node + "_" + rand.Text()[:12]}
}

// renew makes or renews the node's lease. Only the keeper calls it.
func (n *node) renew(ctx context.Context) error {
	n.mu.Lock()
	own, cuts := n.lease, n.cuts
	n.mu.Unlock()
	for {
		begun := time.Now()
		revision, err := n.store().put(ctx, leaseEntry+own.id, []byte(alive), own.revision, n.options.Lease)
		if err == nil {
			own.revision = revision
			n.mu.Lock()
			if n.cuts == cuts {
				own.until = begun.Add(n.options.Lease)
			}
			n.lease = own
			n.mu.Unlock()
			return nil
		}
		if !mustLook(err) {
			return err
		}
		// Perhaps an earlier renewal arrived whose answer was lost.
		e, ok, err := n.store().get(ctx, leaseEntry+own.id)
		if err != nil {
			return err
		}
		if ok && string(e.data) == alive {
			own.revision = e.revision
			continue
		}
		own = newLease(n.id)
		n.mu.Lock()
		n.lease = own
		n.inbox.tell(event{kind: lostClaims})
		n.mu.Unlock()
	}
}

// isOver reports whether a lease has ended. If it has not been renewed in time, its node can renew it no more from then on.
func (n *node) isOver(ctx context.Context, id string) (bool, error) {
	if n.dead.has(id) {
		return true, nil
	}
	for {
		e, ok, err := n.store().get(ctx, leaseEntry+id)
		if err != nil {
			return false, err
		}
		if ok && string(e.data) == alive {
			return false, nil
		}
		if !ok {
			if _, err := n.store().put(ctx, leaseEntry+id, []byte(over), 0, overTime); mustLook(err) {
				continue
			} else if err != nil {
				return false, err
			}
		}
		n.dead.add(id)
		return true, nil
	}
}

// endLease ends the node's own lease, and with it its claims.
func (n *node) endLease(ctx context.Context) error {
	n.mu.Lock()
	own := n.lease
	n.mu.Unlock()
	if own.revision == 0 {
		return nil // it was never held, so no claim has its id
	}
	for {
		_, err := n.store().put(ctx, leaseEntry+own.id, []byte(over), own.revision, overTime)
		if !mustLook(err) {
			return err
		}
		// Perhaps a renewal arrived whose answer the keeper did not wait for.
		e, ok, err := n.store().get(ctx, leaseEntry+own.id)
		if err != nil {
			return err
		}
		if !ok || string(e.data) != alive {
			return nil
		}
		own.revision = e.revision
	}
}
