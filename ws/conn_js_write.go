//go:build js

package ws

import (
	"syscall/js"
	"time"
)

func (c *conn) Write(p []byte) (int, error) {
	n, err := c.WriteBuffers([][]byte{p})
	return int(n), err
}

// WriteBuffers sends bufs as one message. It waits while the browser holds more unsent bytes than
// [DialOptions.UnsentBytes] allows. A browser does not say how much the peer has received.
func (c *conn) WriteBuffers(bufs [][]byte) (int64, error) {
	size := 0
	for _, p := range bufs {
		size += len(p)
	}
	if err := c.mayWrite(); err != nil || size == 0 {
		return 0, err
	}
	for c.socket.Get("bufferedAmount").Int() > c.maxUnsent {
		if err := c.sleep(time.Now().Add(pollInterval), c.moved); err != nil {
			return 0, err
		}
		if err := c.mayWrite(); err != nil {
			return 0, err
		}
	}
	message := uint8Array.New(size)
	at := 0
	for _, p := range bufs {
		if len(p) > 0 {
			js.CopyBytesToJS(message.Call("subarray", at), p)
			at += len(p)
		}
	}
	if err := try(func() { c.socket.Call("send", message) }); err != nil {
		return 0, &opError{"write", err}
	}
	return int64(size), nil
}

// Unsent returns how many bytes the browser has not sent yet, and 0 once the WebSocket is not open.
func (c *conn) Unsent() int {
	if c.mayWrite() != nil {
		return 0
	}
	return c.socket.Get("bufferedAmount").Int()
}

// mayWrite returns the error of a write that must fail now, or nil. A WebSocket that is not open would accept a
// message and drop it.
func (c *conn) mayWrite() error {
	if err := c.ownClose(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	const open = 1
	switch {
	case c.writeErr != nil:
		return c.writeErr
	case expired(c.writeDeadline):
		return newTimeout("write")
	case c.socket.Get("readyState").Int() != open:
		return &opError{"write", errClosing}
	}
	return nil
}
