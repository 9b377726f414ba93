package core

import (
	"context"
	"time"
)

// notManual is the panic of Update and Run without the option Manual, which is the program's mistake.
const notManual = "core: Update and Run need the option Manual"

// Update is [Server.Update] for a client with [ClientOptions.Manual].
func (cl *Client) Update(budget time.Duration) (n int) {
	if cl.manual == nil {
		panic(notManual)
	}
	return cl.manual.run(budget)
}

// Run runs handlers on the calling goroutine as messages come, until ctx ends, whose error it
// returns, or the client has ended for good, see [Client.Done]. It panics without [ClientOptions.Manual].
func (cl *Client) Run(ctx context.Context) error {
	if cl.manual == nil {
		panic(notManual)
	}
	return cl.manual.runUntil(given(ctx), cl.Done())
}

// inform runs f, which tells the program something. With manual dispatch it leaves f to Update.
func (q *manualQueue) inform(f func()) {
	if q != nil {
		q.add(task{event: f})
		return
	}
	f()
}
