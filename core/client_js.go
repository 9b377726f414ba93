package core

import (
	"context"

	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/wire"
)

// CheckCommand returns an error if a command of that name can have no handler. It exists only in a
// browser build, where handlers are JavaScript.
func CheckCommand(name string) error {
	if why := unfit(name, maxCommand); why != "" {
		return NewError(CodeBadName, "core: "+why)
	}
	return nil
}

// SendNow is [Client.SendBytes] without options and middleware, so that a page has no code for them. If promised is set
// the page was told before, from [Client.Room], that there is room: then the frame takes what others leave.
// It exists only in a browser build.
func (cl *Client) SendNow(command string, payload []byte, promised bool) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	if err = c.sendCommand(command, payload, nil); promised && CodeOf(err) == CodeQueueFull {
		n := wire.CommandSize(command, len(payload))
		return c.sendPromised(wire.AppendCommand(make([]byte, 0, n), command, payload))
	}
	return err
}

// SendRawNow is SendNow for [Client.SendRaw]. It exists only in a browser build.
func (cl *Client) SendRawNow(payload []byte, promised bool) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	if err = c.sendRaw(payload, nil); promised && CodeOf(err) == CodeQueueFull {
		return c.sendPromised(wire.AppendRaw(make([]byte, 0, wire.RawSize(len(payload))), payload))
	}
	return err
}

// sendPromised queues a frame of the page for which there was room a moment ago. The queue holds twice as much as the page was promised.
func (c *Conn) sendPromised(frame []byte) error {
	if no := c.out.Send(frame, outbox.Data); no != nil {
		return c.noRoom(CodeQueueFull, len(frame), no)
	}
	return nil
}

// Room returns how many bytes of frames the page may send now, and how many bytes a frame may have. Both are 0 before the first
// connection. It exists only in a browser build.
func (cl *Client) Room() (free, maxFrame int) {
	c, err := cl.current()
	if err != nil {
		return 0, 0
	}
	return c.out.Free(), c.peer.maxFrame
}

// Fits returns why a frame of n bytes cannot be sent, or nil. It exists only in a browser build.
func (cl *Client) Fits(n int) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	if err := c.fits(n); err != nil {
		return err
	}
	return nil
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

// DetachWithGoodbye is [Client.Detach], and tells the server that the client leaves. The server ends the session, so a
// client that is given the session joins anew. It exists only in a browser build.
func (cl *Client) DetachWithGoodbye() (session []byte, err error) { return cl.detach(true) }
