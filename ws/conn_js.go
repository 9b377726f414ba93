//go:build js

package ws

import (
	"errors"
	"sync"
	"syscall/js"
	"time"

	"github.com/hisock/hisock/transport"
)

// A page may send only the close codes 1000 and 3000 to 4999. These two
// stand for 1003 and 1009.
const (
	codePageText = 4003
	codePageFull = 4009
)

const (
	// maxBuffered is how many unsent bytes the browser may hold before a write
	// waits, unless the options say otherwise. A browser does not say when it has sent bytes, so a waiting write looks
	// again when a message comes, which may acknowledge some, and every pollInterval. Browsers slow timers of hidden pages down,
	// to one a second or a minute.
	maxBuffered  = 128 << 10
	pollInterval = 5 * time.Millisecond

	// maxIdleInbox is the greatest capacity, in bytes, of an empty inbox that is kept.
	maxIdleInbox = 64 << 10
)

// ErrQueueFull is the error of Read after more unread bytes have arrived than
// [DialOptions.QueueBytes] allows.
var ErrQueueFull = errors.New("ws: more bytes have arrived than may wait to be read")

var (
	errWriteEnded = &opError{"write after CloseWrite", transport.ErrClosed}
	errClosing    = errors.New("the connection is closing")
	errDeadline   = errors.New("deadline passed")
)

func newTimeout(op string) error { return &timeoutError{opError{op, errDeadline}} }

var (
	uint8Array  = js.Global().Get("Uint8Array")
	arrayBuffer = js.Global().Get("ArrayBuffer")
)

var eventNames = []string{"open", "message", "close"}

// A conn is the [transport.Conn] over a browser's WebSocket.
//
// The browser calls event, which never blocks: it puts messages into the inbox and wakes the
// reader. mu is never held during a call into JavaScript that could call back.
type conn struct {
	socket     js.Value
	info       transport.Info
	onEvent    js.Func // released by Close
	queueBytes int
	maxUnsent  int // bytes
	closeOnce  sync.Once

	opened chan struct{} // closed by the open event
	ended  chan struct{} // closed by the close event, after peerClose is set
	closed chan struct{} // closed by Close
	wake   chan struct{} // has one element if the reader should look again
	moved  chan struct{} // has one element if a message or the end has come since the writer looked

	peerClose CloseError // set before ended is closed

	mu            sync.Mutex // guards the fields below
	inbox         []byte     // bytes that have arrived; inbox[start:] has not been read
	start         int
	readErr       error // error of reads after the inbox; nil while bytes may arrive
	writeErr      error // error of writes; nil while bytes may be sent
	readDeadline  time.Time
	writeDeadline time.Time
}

func newConn(socket js.Value, t target, queueBytes, maxUnsent int) *conn {
	c := &conn{
		socket:     socket,
		info:       transport.Info{Transport: t.transport(), Remote: t.address()},
		queueBytes: queueBytes,
		maxUnsent:  maxUnsent,
		opened:     make(chan struct{}),
		ended:      make(chan struct{}),
		closed:     make(chan struct{}),
		wake:       make(chan struct{}, 1),
		moved:      make(chan struct{}, 1),
	}
	c.onEvent = js.FuncOf(c.event)
	socket.Set("binaryType", "arraybuffer")
	for _, name := range eventNames {
		socket.Set("on"+name, c.onEvent)
	}
	return c
}

// event is called by the browser. It does not listen for error events, because the close event
// after an error says the same.
func (c *conn) event(_ js.Value, args []js.Value) any {
	switch e := args[0]; e.Get("type").String() {
	case "open":
		close(c.opened)
	case "message":
		c.receive(e.Get("data"))
	case "close":
		c.peerClose = CloseError{Code: e.Get("code").Int(), Reason: e.Get("reason").String()}
		c.fail(endOfStream(&c.peerClose), &c.peerClose)
		close(c.ended)
	}
	select {
	case c.moved <- struct{}{}:
	default:
	}
	return nil
}

// fail ends both directions, unless they have ended.
func (c *conn) fail(readErr, writeErr error) {
	c.mu.Lock()
	if c.readErr == nil {
		c.readErr = readErr
	}
	if c.writeErr == nil {
		c.writeErr = &opError{"write", writeErr}
	}
	c.mu.Unlock()
	c.wakeReader()
}

func (c *conn) wakeReader() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *conn) Info() transport.Info { return c.info }

func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	c.readDeadline = t
	c.mu.Unlock()
	c.wakeReader()
	return c.ownClose()
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	c.writeDeadline = t
	c.mu.Unlock()
	return c.ownClose()
}

func (c *conn) ownClose() error {
	select {
	case <-c.closed:
		return transport.ErrClosed
	default:
		return nil
	}
}

// CloseWrite lets the browser send the bytes that it holds and then a close frame. After that browsers
// deliver no more messages, only the end of the stream.
func (c *conn) CloseWrite() error {
	if err := c.ownClose(); err != nil {
		return err
	}
	c.mu.Lock()
	if c.writeErr == nil {
		c.writeErr = errWriteEnded
	}
	c.mu.Unlock()
	c.shut(codeNormal, "")
	return nil
}

// shut closes the WebSocket, unless it is closing already.
func (c *conn) shut(code int, reason string) {
	try(func() { c.socket.Call("close", code, reason) })
}

// Close releases the conn. The browser still sends the bytes that it holds, and the conn ignores its
// events. Without a CloseWrite before, the WebSocket is closed without a code, which
// the peer takes for a stream that broke off.
func (c *conn) Close() error {
	c.closeOnce.Do(func() {
		close(c.closed)
		for _, name := range eventNames {
			c.socket.Set("on"+name, js.Null())
		}
		c.onEvent.Release()
		try(func() { c.socket.Call("close") })
	})
	return nil
}
