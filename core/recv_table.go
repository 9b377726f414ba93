package core

import (
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// A recvTable holds channels on which commands are awaited: by their name, or under the empty name for any.
type recvTable struct {
	waiting atomic.Int32 // how many wait, so that nobody else pays

	mu lock.Mutex[lock.Receivers] // guards the fields below
	by map[string][]chan received // by name, in the order in which they began; each has room for one

	// give is deliver once somebody has waited: a page never does, and its build goes without that.
	give func(t *recvTable, c *Conn, command, payload []byte) bool
}

// received is a command that somebody has waited for.
type received struct {
	command string
	payload []byte
}

// awaited reports whether somebody waits for a command.
func (t *recvTable) awaited() bool { return t.waiting.Load() > 0 }

// gotAwaited hands a command to whoever waits for it. It reports whether somebody did. The table is awaited, or
// was just now.
func (c *Conn) gotAwaited(body []byte) bool {
	name, payload, err := wire.ParseCommand(body)
	return err == nil && c.recv.give(&c.recv, c, name, payload)
}

// add returns a channel on which the next command of that name comes.
func (t *recvTable) add(command string) chan received {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by == nil {
		t.by, t.give = make(map[string][]chan received), (*recvTable).deliver
	}
	ch := make(chan received, 1)
	t.by[command] = append(t.by[command], ch)
	t.waiting.Add(1)
	return ch
}

// deliver hands a copy of a command of c to whoever has waited longest for its name, or for any name if that is
// well formed and no handler's. It reports whether somebody did.
func (t *recvTable) deliver(c *Conn, command, payload []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	waiters := t.by[string(command)] // does not allocate
	under := ""
	switch {
	case len(command) > 0 && len(waiters) > 0:
		under = string(command)
	case len(t.by[""]) == 0, c.eng.handlers.commands[string(command)] != nil, c.checkGot(string(command)) != nil:
		return false
	default:
		waiters = t.by[""]
	}
	waiters[0] <- received{string(command), append(make([]byte, 0, len(payload)), payload...)}
	t.removeLocked(under, 0)
	return true
}

// leave takes back a channel, and the command that was put into it at the last moment.
func (t *recvTable) leave(command string, ch chan received) (received, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, w := range t.by[command] {
		if w == ch {
			t.removeLocked(command, i)
			return received{}, false
		}
	}
	select {
	case r := <-ch:
		return r, true
	default: // it has been taken
		return received{}, false
	}
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
