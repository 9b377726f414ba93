package core

import (
	"context"
	"time"
)

// notManual is the panic of Update and Run without the option, which is the program's mistake.
const notManual = "core: Update and Run need the option Manual"

// Update runs the handlers for what has come since the last time, on the calling goroutine, and
// returns how many that were; it does not wait. It begins nothing more once it has run for budget, and
// leaves the rest to the next Update; zero or less is no bound. It runs at least one handler
// if there is something to handle. A client that sends much is no reason to keep others waiting: each has one
// message handled in its turn, and those who did not have theirs come first next time.
//
// Update needs [ServerOptions.Manual] and panics without. While Run, Shutdown or another Update runs
// handlers, also where one of these calls it, Update does nothing.
func (s *Server) Update(budget time.Duration) (n int) {
	if s.eng.manual == nil {
		panic(notManual)
	}
	return s.eng.manual.run(budget)
}

// Run runs handlers on the calling goroutine as things come, until ctx ends, whose error it
// returns, or the server has been shut down. It is Update in a loop that waits, and like that it panics
// without [ServerOptions.Manual].
func (s *Server) Run(ctx context.Context) error {
	if s.eng.manual == nil {
		panic(notManual)
	}
	return s.eng.manual.runUntil(given(ctx), s.stopped)
}

// Update is [Server.Update] for a client with [ClientOptions.Manual].
func (cl *Client) Update(budget time.Duration) (n int) {
	if cl.manual == nil {
		panic(notManual)
	}
	return cl.manual.run(budget)
}

// Run runs handlers on the calling goroutine as things come, until ctx ends, whose error it
// returns, or the connection has ended and all that came over it has been handled.
func (cl *Client) Run(ctx context.Context) error {
	if cl.manual == nil {
		panic(notManual)
	}
	return cl.manual.runUntil(given(ctx), cl.Done())
}

// inform runs f, which tells the program something, or leaves it to Update.
func (q *manualQueue) inform(f func()) {
	if q != nil {
		q.add(task{event: f})
		return
	}
	f()
}
