package fair

import "github.com/hisock/hisock/core/internal/lock"

// A Gate is passed by one goroutine after the other, in the order in which they call Pass. The zero Gate is ready for
// use. The first call of Pass opens a pipe. On a system without pipes, or if there are no descriptors left, Pass calls
// runtime.Gosched instead.
type Gate struct {
	mu          lock.Mutex[lock.Fair] // guards the fields below
	busy        bool                  // a goroutine is passing
	first, last *Waiter               // the queue of goroutines that wait to pass
	closed      bool
	passed      uint64 // number of times that the gate was passed

	poll poll // owned by the goroutine that is passing
}

// A Waiter is the place of one goroutine in the queue of a [Gate]. Since the caller keeps it, passing does not
// allocate. Only one goroutine at a time may use it.
type Waiter struct {
	next *Waiter
	turn chan struct{} // made once, with room for one
}

// Pass returns when the goroutines that came before have passed and the scheduler has looked at all sockets since. It
// returns at once if the gate is closed.
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
		<-w.turn // busy stays true for this goroutine
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

// Passed returns the number of times that the gate was passed while it was open.
func (g *Gate) Passed() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.passed
}

// Close lets all goroutines pass, and closes the pipe once nobody is passing.
func (g *Gate) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed = true; !g.busy {
		g.poll.close()
	}
}
