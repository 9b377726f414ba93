//go:build !js

package ws

import (
	"errors"
	"io"
	"net"

	"github.com/hisock/hisock/transport"
)

// A reader is what a conn keeps for reading. Owned by whoever reads.
type reader struct {
	message io.Reader // what is left of the current message; nil between messages
	readErr error     // why reading ended
}

func (c *conn) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	for n == 0 && err == nil {
		if err = c.awaitMessage(); err == nil {
			n, err = c.readMessage(p)
		}
	}
	return n, err
}

// ReadReady is as in [transport.ReadyReader]. Between messages it holds no buffer.
func (c *conn) ReadReady(pool transport.BufferPool) ([]byte, int, error) {
	for {
		if err := c.awaitMessage(); err != nil {
			return nil, 0, err
		}
		buf := pool.Get()
		n, err := c.readMessage(buf)
		if n > 0 {
			return buf, n, nil
		}
		pool.Put(buf)
		if err != nil {
			return nil, 0, err
		}
	}
}

// awaitMessage returns once there is a message to read from.
func (c *conn) awaitMessage() error {
	if c.closed.Load() {
		return transport.ErrClosed
	}
	if c.readErr != nil || c.message != nil {
		return c.readErr
	}
	message, err := c.socket.next()
	if err != nil {
		return c.endReading(err)
	}
	c.message = message
	return nil
}

// readMessage returns 0 and no error at the end of a message. Bytes that come with an
// error are dropped: the socket has not unmasked them.
func (c *conn) readMessage(p []byte) (int, error) {
	n, err := c.message.Read(p)
	if err == io.EOF {
		c.message = nil
		return n, nil
	}
	if err != nil {
		return 0, c.endReading(closeError(err))
	}
	return n, nil
}

// endReading keeps the reason for the next read.
func (c *conn) endReading(err error) error {
	if c.closed.Load() {
		return transport.ErrClosed
	}
	var closed *CloseError
	switch {
	case errors.As(err, &closed):
		c.peerClose.Store(closed)
		c.readErr = endOfStream(closed)
	case errors.Is(err, ErrText):
		c.end(codeUnsupported, "only binary messages are understood", &opError{"write", ErrText})
		c.readErr = ErrText
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		c.readErr = errBrokenOff
	default:
		c.readErr = c.opError("read", err)
	}
	return c.readErr
}
