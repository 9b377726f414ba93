package core

import (
	"context"

	"github.com/hisock/hisock/core/wire"
)

// An Overflow says what becomes of a command or raw message for which there is no room in the
// queue to the other end: at a server in that of one client, at a client in that to the server.
// Calls and answers, changes of names and groups, and control frames are never dropped. Who
// misses frames hears how many, once for each, also after a resume: see OnMissed of [Server]
// and [Client]. Peers that speak the original's protocol are not told.
//
// While there is no stream, what is queued waits for the client to come back, and the policies
// hold as they do otherwise. Frames that may be dropped then give way to what was written and is
// not acknowledged, so that dropping does not keep a connection from being resumed. One that is
// not resumed takes with it what waited, whatever the policy.
type Overflow uint8

const (
	// OverflowDisconnect ends the connection with [CodeSlowConsumer]; the client joins anew. One
	// that is away does not queue the frame and goes on: Send fails with that code.
	OverflowDisconnect Overflow = iota
	// OverflowDropNewest does not queue the frame. [Conn.Send] fails with
	// [CodeSlowConsumer], and the connection goes on.
	OverflowDropNewest
	// OverflowDropOldest drops those frames that have waited longest, of those that were sent
	// under this policy or OverflowLatest. If there are none it is OverflowDropNewest.
	OverflowDropOldest
	// OverflowLatest lets one command of each name wait at most: a newer one takes the place of
	// the one that waits. If that does not make room it is OverflowDropOldest.
	OverflowLatest
	// OverflowBlock makes the sender wait for room, a broadcast for each client in turn. A
	// peer that reads nothing is waited for until WriteTimeout. A server does not wait for a
	// client that is suspended: its session ends. A client that is away waits until it is back,
	// or its connection ends; what it waits with in a handler of [Client.OnState] keeps it from
	// coming back, unless dispatch is manual. [Wait] bounds the wait.
	OverflowBlock
)

// String returns the policy in words, such as "drop oldest".
func (o Overflow) String() string {
	switch o {
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

// shareWaiting is sendShared that waits for room.
func (c *Conn) shareWaiting(ctx context.Context, frame *block) error {
	if err := c.fits(len(frame.b)); err != nil {
		return err
	}
	if err := c.awaitRoom(ctx, len(frame.b)); err != nil {
		return err
	}
	c.out.shareLocked(frame)
	c.queued()
	return nil
}

// gotMissed tells the program what the peer says it has dropped, in all.
func (c *Conn) gotMissed(body []byte) error {
	total, err := wire.ParseMissed(body)
	if err != nil {
		return err
	}
	if total <= c.missed {
		return nil // told again after a resume
	}
	n := total - c.missed
	c.missed = total
	if c.eng.handlers.onMissed != nil {
		defer c.eng.recover(c, "missed handler")
		c.eng.handlers.onMissed(c, n)
	}
	return nil
}

// errDropped is what a sender is told whose frame was not queued, while the connection goes on.
var errDropped = NewError(CodeSlowConsumer, "the queue is full: the frame was dropped")
