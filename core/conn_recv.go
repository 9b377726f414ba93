package core

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/hisock/hisock/core/wire"
)

// A recvTable holds who waits for a command by name.
type recvTable struct {
	waiting atomic.Int32 // how many do, so that nobody else pays

	mu sync.Mutex
	by map[string][]chan []byte // each has room for one
}

// Recv waits for the next command of that name and returns its payload, which the caller owns.
// That one command reaches neither its handler nor a catch-all, and does not wait its turn
// behind slow handlers, so that a handler may wait for it too. Commands that came before
// Recv was called are not seen. It fails with why the connection ended, or ctx's error.
func (c *Conn) Recv(ctx context.Context, command string) ([]byte, error) {
	if err := c.checkGot(command); err != nil {
		return nil, err
	}
	if c.isEnded() {
		return nil, c.closedError()
	}
	ctx = given(ctx)
	ch := c.recv.add(command)
	own := handlerConn(ctx)
	if own == c {
		c.depends.Add(1)
		defer c.depends.Add(-1)
	}
	yield(own)
	var err error
	select {
	case payload := <-ch:
		return payload, nil
	case <-ctx.Done():
		err = c.waitError(ctx)
	case <-c.ctx.Done():
		err = c.closedError()
	}
	if payload, ok := c.recv.leave(command, ch); ok {
		return payload, nil
	}
	return nil, err
}

// gotAwaited hands a command to one who waits for it by name. It reports whether one did.
func (c *Conn) gotAwaited(body []byte) bool {
	name, payload, err := wire.ParseCommand(body)
	return err == nil && c.recv.deliver(name, payload)
}

func (t *recvTable) add(command string) chan []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by == nil {
		t.by = make(map[string][]chan []byte)
	}
	ch := make(chan []byte, 1)
	t.by[command] = append(t.by[command], ch)
	t.waiting.Add(1)
	return ch
}

// deliver hands a copy of payload to the first who waits for the command. It reports whether
// one did.
func (t *recvTable) deliver(command, payload []byte) bool {
	t.mu.Lock()
	waiters := t.by[string(command)]
	waits := len(waiters) > 0
	if waits {
		waiters[0] <- append(make([]byte, 0, len(payload)), payload...)
		t.removeLocked(string(command), 0)
	}
	t.mu.Unlock()
	return waits
}

// leave takes back a channel, and what was put into it at the last moment.
func (t *recvTable) leave(command string, ch chan []byte) ([]byte, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, w := range t.by[command] {
		if w == ch {
			t.removeLocked(command, i)
			return nil, false
		}
	}
	return <-ch, true
}

func (t *recvTable) removeLocked(command string, i int) {
	waiters := t.by[command]
	waiters = append(waiters[:i], waiters[i+1:]...)
	if len(waiters) == 0 {
		delete(t.by, command)
	} else {
		t.by[command] = waiters
	}
	t.waiting.Add(-1)
}
