package core

import (
	"context"
	"sync"
)

// maxRaw bounds the raw messages that wait for a RecvRaw, in bytes; each weighs
// jobCost more than it holds.
const maxRaw = 256 << 10

// A rawBox holds raw messages that nobody has received yet.
type rawBox struct {
	mu      sync.Mutex
	kept    [][]byte
	bytes   int
	waiters []chan []byte // each has room for one
}

// RecvRaw waits for the next raw message and returns it; the caller owns it. Messages that
// came while nobody waited are returned first, as far as they were kept: while a message
// handler is registered it gets them instead, and otherwise up to 256 KiB are.
// Commands that arrive meanwhile are still dispatched, also when a handler waits.
func (c *Conn) RecvRaw(ctx context.Context) ([]byte, error) {
	ch, payload, ok := c.raw.receive()
	if ok {
		return payload, nil
	}
	yield(handlerConn(ctx))
	select {
	case payload = <-ch:
		return payload, nil
	case <-ctx.Done():
		if payload, ok = c.raw.leave(ch); ok {
			return payload, nil
		}
		return nil, c.recvError(ctx)
	case <-c.ctx.Done():
		if payload, ok = c.raw.leave(ch); ok {
			return payload, nil
		}
		return nil, c.closedError()
	}
}

// recvError is why a wait on ctx ended: a handler's context ends with its connection.
func (c *Conn) recvError(ctx context.Context) error {
	if c.isEnded() {
		return c.closedError()
	}
	return ctx.Err()
}

// receive takes a message that was kept, or leaves a channel on which the next will come.
func (b *rawBox) receive() (ch chan []byte, payload []byte, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.kept) > 0 {
		payload = b.kept[0]
		b.kept = b.kept[1:]
		b.bytes -= len(payload) + jobCost
		return nil, payload, true
	}
	ch = make(chan []byte, 1)
	b.waiters = append(b.waiters, ch)
	return ch, nil, false
}

// leave takes back a channel, and what was put into it at the last moment.
func (b *rawBox) leave(ch chan []byte) ([]byte, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, w := range b.waiters {
		if w == ch {
			b.waiters = append(b.waiters[:i], b.waiters[i+1:]...)
			return nil, false
		}
	}
	return <-ch, true
}

// deliver hands a copy of payload to the first who waits. It reports whether one did.
func (b *rawBox) deliver(payload []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.waiters) == 0 {
		return false
	}
	ch := b.waiters[0]
	b.waiters = b.waiters[1:]
	ch <- append(make([]byte, 0, len(payload)), payload...)
	return true
}

// keep holds a copy of payload until somebody asks. It reports whether there was room.
func (b *rawBox) keep(payload []byte) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.kept) > 0 && b.bytes+len(payload)+jobCost > maxRaw {
		return false
	}
	b.kept = append(b.kept, append(make([]byte, 0, len(payload)), payload...))
	b.bytes += len(payload) + jobCost
	return true
}
