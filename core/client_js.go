package core

import (
	"context"

	"github.com/hisock/hisock/core/internal/outbox"
)

// CheckCommand says why no handler of a command can have that name, or nil if one can. It is there in a
// browser build only, where handlers are JavaScript.
func CheckCommand(name string) error {
	if why := unfit(name, maxCommand); why != "" {
		return NewError(CodeBadName, "core: "+why)
	}
	return nil
}

// SendNow is [Client.SendBytes] for a page, which has neither options nor middleware: its build goes without what these need.
// It is there in a browser build only.
func (cl *Client) SendNow(command string, payload []byte) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	return c.sendCommand(command, payload, nil)
}

// SendRawNow is [Client.SendRaw], as SendNow is [Client.SendBytes].
func (cl *Client) SendRawNow(payload []byte) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	return c.sendRaw(payload, nil)
}

// AwaitRoom waits until there is room in the queue to the server for a frame of n bytes, at least for
// a quarter of what it holds, or until ctx or the connection ends. It is there in a browser build only, where a send does not wait.
func (cl *Client) AwaitRoom(ctx context.Context, n int) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	n = max(n, c.eng.queueBytes/4)
	return c.awaitRoom(ctx, nil, n, 0, func(as outbox.Class) *outbox.Refusal { return c.out.Admits(n, as) })
}
