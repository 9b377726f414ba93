package core

import (
	"context"

	"github.com/hisock/hisock/core/internal/outbox"
)

// CheckCommand returns an error if a command of that name can have no handler. It exists only in a
// browser build, where handlers are JavaScript.
func CheckCommand(name string) error {
	if why := unfit(name, maxCommand); why != "" {
		return NewError(CodeBadName, "core: "+why)
	}
	return nil
}

// SendNow is [Client.SendBytes] without options and middleware, so that a page has no code for them.
// It exists only in a browser build.
func (cl *Client) SendNow(command string, payload []byte) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	return c.sendCommand(command, payload, nil)
}

// SendRawNow is [Client.SendRaw] without options and middleware. It exists only in a browser build.
func (cl *Client) SendRawNow(payload []byte) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	return c.sendRaw(payload, nil)
}

// AwaitRoom waits until the queue to the server has room for a frame of n bytes, and for at least
// a quarter of its bound, or until ctx or the connection ends. It exists only in a browser build, where a send does not
// wait.
func (cl *Client) AwaitRoom(ctx context.Context, n int) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	n = max(n, c.eng.queueBytes/4)
	return c.awaitRoom(ctx, nil, n, 0, func(as outbox.Class) *outbox.Refusal { return c.out.Admits(n, as) })
}

// Offline tells a client that the network is gone. The client gives its stream up and tries to come back, or, if its
// connection cannot be resumed, asks the server whether it is still there, as [Client.RetryNow] does. It exists only in
// a browser build.
func (cl *Client) Offline() {
	if c := cl.Conn(); c != nil && !c.suspend(c.sess.Link(), NewError(CodeConnLost, "the browser is offline")) {
		c.probe()
	}
}
