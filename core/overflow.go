package core

import (
	"maps"
	"slices"
	"strconv"

	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/wire"
)

// An Overflow is a policy for a command or raw message for which there is no room in the
// queue to the other end: a server has a queue for each client, a client has one for the server.
// Calls and answers, changes of names and groups, and control frames are never dropped. Each dropped frame is
// reported to the peer once, also after a resume: see OnMissed of [Server]
// and [Client]. Peers that speak the original's protocol are not told.
//
// A send that fails with [CodeQueueFull] has queued nothing, and the connection goes on.
//
// While there is no stream, queued frames wait for the client to come back, and the policies
// hold as they do otherwise. Frames that may be dropped then give way to frames that were written and
// are not acknowledged, so that dropping does not keep a connection from being resumed. The frames of a
// connection that is not resumed are lost, whatever the policy.
//
// In a browser build a client has no policy. A send for which there is no room fails with [CodeQueueFull] at once,
// unless it has the option [Wait].
type Overflow uint8

const (
	// OverflowDefault is OverflowDisconnect at a server, which waits for no client, and
	// OverflowBlock at a client, which goes at the speed of its network.
	OverflowDefault Overflow = iota
	// OverflowDisconnect ends the connection with [CodeSlowConsumer]; the client joins anew. A
	// client that is away goes on instead, and Send fails with [CodeQueueFull].
	OverflowDisconnect
	// OverflowDropNewest does not queue the frame: Send fails with [CodeQueueFull].
	OverflowDropNewest
	// OverflowDropOldest drops the frames that have waited longest and were sent under this
	// policy or OverflowLatest. If there are none it is OverflowDropNewest.
	OverflowDropOldest
	// OverflowLatest drops, among the commands that wait for room, all but the last command of each name and
	// [Key]. Commands of one name without a Key count as having the same key: without keys, the positions of
	// eight players are one position. A command that has room is never dropped. Commands wait for room
	// while there is no stream, after the write before them has lasted 50 ms, or when everything that is queued,
	// with 128 bytes more for each command, exceeds QueueBytes. If this does not make room, it drops as
	// OverflowDropOldest does.
	OverflowLatest
	// OverflowBlock makes the sender wait for room, a broadcast for each client in turn. After
	// [Timeouts].Write, or a client's WriteTimeout, the send fails with [CodeQueueFull]. [Wait] sets another bound.
	// Senders that wait share half of the queue, and never push out frames that are kept for a resume. Handlers and
	// hooks may wait as well: the connection is read, or comes back, meanwhile.
	//
	// A server does not wait for a suspended client: it ends the session. A client that is
	// away waits as it does otherwise.
	OverflowBlock

	overflowEnd // no policy: the number of policies
)

// String returns the policy in words, such as "drop oldest".
func (o Overflow) String() string {
	switch o {
	case OverflowDefault:
		return "default"
	case OverflowDisconnect:
		return "disconnect"
	case OverflowDropNewest:
		return "drop newest"
	case OverflowDropOldest:
		return "drop oldest"
	case OverflowLatest:
		return "latest"
	case OverflowBlock:
		return "block"
	}
	return "unknown policy"
}

// checkOverflow finds policies that do not exist, and commands whose names are not well formed.
func checkOverflow(f *optionFaults, rest Overflow, named map[string]Overflow) {
	if rest >= overflowEnd {
		f.add("Overflow", valueText(int(rest)), "there is no such Overflow")
	}
	for _, command := range slices.Sorted(maps.Keys(named)) {
		o, option := named[command], "OverflowOf["+wire.Quote(command)+"]"
		if o >= overflowEnd {
			f.add(option, valueText(int(o)), "there is no such Overflow")
		}
		if err := checkCommand(command); command != "" && err != nil {
			f.add(option, o.String(), err.text())
		}
	}
}

// overflowRules are the policies of one end.
type overflowRules struct {
	rest  Overflow
	named map[string]Overflow
}

// newOverflowRules returns nil if every frame is under OverflowDisconnect. def is the policy that OverflowDefault
// means at this end.
func newOverflowRules(rest Overflow, named map[string]Overflow, def Overflow) *overflowRules {
	if !hasOverflow {
		return nil
	}
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
	switch {
	case !hasOverflow:
		return OverflowDefault
	case r == nil:
		return OverflowDisconnect
	}
	if len(r.named) > 0 {
		if o, ok := r.named[command]; ok {
			return o
		}
	}
	return r.rest
}

// newBlock returns a block of one frame of command, which the outboxes of connections with the same policies may share.
func (r *overflowRules) newBlock(command string, set *sending, frame []byte) *outbox.Block {
	switch o := r.of(command); {
	case !hasOverflow:
	case o == OverflowDropOldest:
		return outbox.NewDroppable(frame)
	case o == OverflowLatest:
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
	return hasOverflow && o == OverflowDropNewest || o.dropsOlder()
}

// dropsOlder reports whether frames under that policy that have waited longer may be dropped for a frame under it.
func (o Overflow) dropsOlder() bool {
	return hasOverflow && (o == OverflowDropOldest || o == OverflowLatest)
}

// sendByPolicy queues a frame that newBlock has returned, by the policy for its command.
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

// overflowed returns the error of a frame of n bytes that was refused and cannot wait. If the queue is full, it ends the
// connection. The connection goes on if its link is mute, and at a client if it is suspended: then it is not the peer
// that is slow.
func (c *Conn) overflowed(n int, no *outbox.Refusal) error {
	switch {
	case no.Why == outbox.Closed:
		return c.closedError()
	case no.Why == outbox.Mute, no.Why == outbox.Away && !c.server:
		return c.noRoom(CodeQueueFull, n, no)
	}
	err := c.noRoom(CodeSlowConsumer, n, no)
	c.eng.counters.slow.Add(1)
	c.endWith(err)
	return err
}

// noRoom returns an error that says why the queue has no room for a frame of n bytes.
func (c *Conn) noRoom(code Code, n int, no *outbox.Refusal) *Error {
	text := "no room for a frame of " + strconv.Itoa(n) + " B: " + strconv.Itoa(no.Waiting) + " B wait to be written"
	if no.Kept > 0 {
		text += ", " + strconv.Itoa(no.Kept) + " B to be acknowledged"
	}
	return NewError(code, text+", limit "+strconv.Itoa(c.eng.queueBytes)+" B")
}

// gotMissed tells the program how many more frames the peer says it has dropped. The frame has the sum since the
// session began.
func (c *Conn) gotMissed(rd *reader, body []byte) error {
	total, err := wire.ParseMissed(body)
	if err != nil {
		return err
	}
	n := c.sess.Missed(total)
	if n > 0 && c.eng.handlers.onMissed != nil {
		c.tellRead(rd, func() {
			defer c.eng.recover(c, "missed handler")
			c.eng.handlers.onMissed(c, n)
		})
	}
	return nil
}

// errDropped is the error of a send whose frame a policy has dropped.
var errDropped = &Error{Code: CodeQueueFull, Message: "the frame was dropped"}
