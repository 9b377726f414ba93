package fair

import "github.com/hisock/hisock/core/internal/lock"

// A Gate is passed by one goroutine after the other, in the order in which they came. The zero
// Gate is ready for use. It opens a pipe when it is passed for the first time, on systems that
// have such; elsewhere, or if there are no descriptors left, to pass it is to yield.
type Gate struct {
	mu          lock.Mutex[lock.Fair] // guards the fields below
	busy        bool                  // somebody passes
	first, last *Waiter               // that wait their turn
	closed      bool
	passed      uint64

	poll poll // owned by who passes
}

// A Waiter is the place of one goroutine at a [Gate], so that passing allocates nothing. It is used
// by one goroutine at a time.
type Waiter struct {
	next *Waiter
	turn chan struct{} // made once, with room for one
}

// Pass returns when everybody who came before has passed and the scheduler has looked at
// all sockets since, or at once if the gate is closed.
func (g *Gate) Pass(w *Waiter) {
	g.mu.Lock()
	if g.closed {
		g.mu.Unlock()
		return
	}
	if g.busy {
		if w.turn == nil {
			w.turn = make(chan struct{}, 1)
		}
		if g.last == nil {
			g.first = w
		} else {
			g.last.next = w
		}
		g.last = w
		g.mu.Unlock()
		<-w.turn // busy is handed over with it
	} else {
		g.busy = true
		g.mu.Unlock()
	}
	g.poll.wait()
	g.leave()
}

// leave lets the next goroutine pass.
func (g *Gate) leave() {
	g.mu.Lock()
	g.passed++
	next := g.first
	if next == nil {
		g.busy = false
		if g.closed {
			g.poll.close()
		}
		g.mu.Unlock()
		return
	}
	if g.first, next.next = next.next, nil; g.first == nil {
		g.last = nil
	}
	g.mu.Unlock()
	next.turn <- struct{}{}
}

// Passed is how often the gate was passed while it was open.
func (g *Gate) Passed() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passed
}

// Close lets everybody pass and gives back what the gate holds.
func (g *Gate) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed = true; !g.busy {
		g.poll.close()
	}
}
