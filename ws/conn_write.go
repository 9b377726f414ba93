//go:build !js

package ws

import (
	"errors"
	"net"
	"sync"

	"github.com/hisock/hisock/transport"
)

// errWriteEnded is what a write after this side's close frame gives.
var errWriteEnded = &opError{"after CloseWrite", transport.ErrClosed}

var errConnEnded = errors.New("the connection has ended")

// A writer is what a conn keeps for writing. One message is written at a time, and the
// close frame between two: whoever holds writeMu owns the socket's writing side.
type writer struct {
	writeMu  sync.Mutex // guards the fields below
	writeErr error      // why writing ended
	single   [1][]byte  // what Write hands on
}

// Write sends p as one message.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.mayWrite(); err != nil {
		return 0, err
	}
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	c.single[0] = p
	n, err := c.writeMessage(c.single[:])
	c.single[0] = nil
	return int(n), err
}

// WriteBuffers sends bufs as one message, whose frames go out together as far as
// 16 KiB hold them. With an error it reports that nothing was written, for what the
// peer got is not known.
func (c *conn) WriteBuffers(bufs [][]byte) (int64, error) {
	if err := c.mayWrite(); err != nil {
		return 0, err
	}
	c.writeMu.Lock()
	defer c.writeMu.Unlock()
	return c.writeMessage(bufs)
}

// mayWrite keeps writers from waiting behind a close frame that does not go out.
func (c *conn) mayWrite() error {
	if c.closed.Load() {
		return transport.ErrClosed
	}
	if why := c.ending.Load(); why != nil {
		return why
	}
	return nil
}

func (c *conn) writeMessage(bufs [][]byte) (int64, error) {
	if c.writeErr != nil {
		return 0, c.writeErr
	}
	var size int64
	var last []byte
	count := 0
	for _, p := range bufs {
		if len(p) > 0 {
			size += int64(len(p))
			last = p
			count++
		}
	}
	var send func() error
	switch {
	case count == 0:
		return 0, nil
	case count == 1:
		send = func() error { return c.socket.write(last) }
	case size <= joinSize:
		send = func() error { return c.writeJoined(bufs) }
	default:
		send = func() error { return c.socket.writeParts(bufs) }
	}
	c.link.startGathering()
	err := send()
	if linkErr := c.link.endGathering(); linkErr != nil {
		err = linkErr // it is the cause
	}
	if err != nil {
		return 0, c.endWriting(err)
	}
	return size, nil
}

// writeJoined sends one frame: for little data copying costs less than frames do.
func (c *conn) writeJoined(bufs [][]byte) error {
	array := gatherPool.Get().(*gatherBuffer)
	defer gatherPool.Put(array)
	joined := array[:0]
	for _, p := range bufs {
		joined = append(joined, p...)
	}
	return c.socket.write(joined)
}

// endWriting keeps the reason for the next write: a message that was broken off can
// not be gone on with.
func (c *conn) endWriting(err error) error {
	if errors.Is(err, net.ErrClosed) || errors.Is(err, errCloseSent) {
		err = errConnEnded
	}
	c.writeErr = c.opError("write", err)
	return c.writeErr
}
