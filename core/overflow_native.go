//go:build !js

package core

import "github.com/hisock/hisock/core/internal/outbox"

// overflowRules are the policies of one end.
type overflowRules struct {
	rest  Overflow
	named map[string]Overflow
}

// newOverflowRules returns nil if every frame is under OverflowDisconnect. def is what the default
// is at this end.
func newOverflowRules(rest Overflow, named map[string]Overflow, def Overflow) *overflowRules {
	r := &overflowRules{rest: rest, named: make(map[string]Overflow, len(named))}
	if rest == OverflowDefault {
		r.rest = def
	}
	for name, o := range named {
		if o == OverflowDefault {
			o = def
		}
		r.named[name] = o
	}
	if r.rest == OverflowDisconnect && len(named) == 0 {
		return nil
	}
	return r
}

// of returns the policy for a command, or for raw messages if the name is empty.
func (r *overflowRules) of(command string) Overflow {
	if r == nil {
		return OverflowDisconnect
	}
	if len(r.named) > 0 {
		if o, ok := r.named[command]; ok {
			return o
		}
	}
	return r.rest
}

// newBlock returns a block of one frame, which connections with the same policies may share.
func (r *overflowRules) newBlock(command string, set *sending, frame []byte) *outbox.Block {
	switch r.of(command) {
	case OverflowDropOldest:
		return outbox.NewDroppable(frame)
	case OverflowLatest:
		key := ""
		if set != nil {
			key = set.key
		}
		return outbox.NewLatest(frame, command, key)
	}
	return outbox.NewBlock(frame)
}

// drops reports whether frames under that policy may be dropped.
func (o Overflow) drops() bool {
	return o == OverflowDropNewest || o == OverflowDropOldest || o == OverflowLatest
}

// sendByPolicy queues a frame of newBlock by the policy for its command.
func (c *Conn) sendByPolicy(command string, frame *outbox.Block) error {
	o := c.eng.overflow.of(command)
	if !o.drops() {
		return c.sendAll(frame, o, nil)
	}
	if err := c.fits(frame.Size()); err != nil {
		return err
	}
	if no := c.out.ShareDroppable(frame); no != nil {
		if no.Why == outbox.Dropped {
			return errDropped
		}
		return c.closedError()
	}
	return nil
}
