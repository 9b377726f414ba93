package faulty

import (
	"errors"
	"sync"
	"time"

	"github.com/hisock/hisock/transport"
)

// ErrBroken is the error of reads and writes after a [Cut] or [Reset], and of writes after
// a [HalfClose]. It is wrapped in an error whose text names the step.
var ErrBroken = errors.New("faulty: broken off by the script")

type brokenError struct{ step Step }

func (e *brokenError) Error() string { return "faulty: broken off by the step " + e.step.String() }
func (e *brokenError) Unwrap() error { return ErrBroken }

// Wrap returns a Conn over stream with the faults of a script. It copies the script. Afterwards the stream must only be
// used through the Conn.
func Wrap(stream transport.Conn, s Script) transport.Conn {
	c := &conn{
		stream: stream,
		in:     newFlow(s.of(Reading)),
		out:    newFlow(s.of(Writing)),
		closed: make(chan struct{}),
		broken: make(chan struct{}),
	}
	ready, canWait := stream.(transport.ReadyReader)
	resetter, canReset := stream.(transport.Resetter)
	switch {
	case canWait && canReset:
		return &struct {
			*conn
			readyConn
			resetConn
		}{c, readyConn{c, ready}, resetConn{c, resetter}}
	case canWait:
		return &struct {
			*conn
			readyConn
		}{c, readyConn{c, ready}}
	case canReset:
		return &struct {
			*conn
			resetConn
		}{c, resetConn{c, resetter}}
	}
	return c
}

// A conn is a stream with a script.
type conn struct {
	stream  transport.Conn
	in, out flow

	held []byte // bytes that were read from stream and may not pass yet; owned by the reader

	closed    chan struct{} // closed by Close
	closeOnce sync.Once
	broken    chan struct{} // closed by a step that breaks the conn off
	breakOnce sync.Once
	why       error // error of that step; set before broken is closed
}

func (c *conn) CloseWrite() error { return c.cause(c.stream.CloseWrite()) }

func (c *conn) SetReadDeadline(t time.Time) error {
	return c.setDeadline(&c.in, t, c.stream.SetReadDeadline)
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	return c.setDeadline(&c.out, t, c.stream.SetWriteDeadline)
}

func (c *conn) setDeadline(f *flow, t time.Time, set func(time.Time) error) error {
	if isClosed(c.closed) {
		return transport.ErrClosed
	}
	f.deadline.set(t)
	if isClosed(c.closed) { // Close has come meanwhile: stop the timer
		f.deadline.set(time.Time{})
	}
	return c.cause(set(t))
}

func (c *conn) Info() transport.Info { return c.stream.Info() }

func (c *conn) Close() error {
	c.end()
	return c.stream.Close()
}

// end ends all waits for the script.
func (c *conn) end() {
	c.closeOnce.Do(func() { close(c.closed) })
	c.in.deadline.set(time.Time{})
	c.out.deadline.set(time.Time{})
}

// breakOff ends both directions and returns the error of the operation.
func (c *conn) breakOff(s Step) error {
	c.breakOnce.Do(func() {
		c.why = &brokenError{s}
		close(c.broken)
		if r, ok := c.stream.(transport.Resetter); ok && s.Do.kind == reset {
			r.Reset() //nolint:errcheck // Close follows
		}
		c.stream.Close() //nolint:errcheck // the stream breaks off anyway
	})
	return c.ended(&c.in)
}

// cause replaces the error of the stream if the stream failed because of Close or of the script.
func (c *conn) cause(err error) error {
	switch {
	case err == nil:
		return nil
	case isClosed(c.closed):
		return transport.ErrClosed
	case isClosed(c.broken):
		return c.why
	}
	return err
}

// A resetConn has the method that a conn has only if its stream is a [transport.Resetter].
type resetConn struct {
	of       *conn
	resetter transport.Resetter
}

// Reset implements [transport.Resetter].
func (r resetConn) Reset() error {
	r.of.end()
	return r.resetter.Reset()
}
