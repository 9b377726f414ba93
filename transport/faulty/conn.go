package faulty

import (
	"errors"
	"sync"
	"time"

	"github.com/hisock/hisock/transport"
)

// ErrBroken is what reads and writes fail with after a [Cut] or [Reset], and writes after
// a [HalfClose]. Their text says which step it was.
var ErrBroken = errors.New("faulty: broken off by the script")

type brokenError struct{ step Step }

func (e *brokenError) Error() string { return "faulty: broken off by the step " + e.step.String() }
func (e *brokenError) Unwrap() error { return ErrBroken }

// Wrap gives stream the faults of a script, which it copies. The stream must not be used
// any more but through what it returns.
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

	held []byte // what has been read ahead of what may pass; owned by who reads

	closed    chan struct{} // by Close here
	closeOnce sync.Once
	broken    chan struct{} // by the script
	breakOnce sync.Once
	why       error // it is broken; set before that
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
	if isClosed(c.closed) { // meanwhile: no timer is to stay
		f.deadline.set(time.Time{})
	}
	return c.cause(set(t))
}

func (c *conn) Info() transport.Info { return c.stream.Info() }

func (c *conn) Close() error {
	c.end()
	return c.stream.Close()
}

// end ends all that waits for the script.
func (c *conn) end() {
	c.closeOnce.Do(func() { close(c.closed) })
	c.in.deadline.set(time.Time{})
	c.out.deadline.set(time.Time{})
}

// breakOff ends both directions and returns why.
func (c *conn) breakOff(s Step) error {
	c.breakOnce.Do(func() {
		c.why = &brokenError{s}
		close(c.broken)
		if r, ok := c.stream.(transport.Resetter); ok && s.Do.kind == reset {
			r.Reset() //nolint:errcheck // Close follows
		}
		c.stream.Close() //nolint:errcheck // it is to be broken
	})
	return c.ended(&c.in)
}

// cause says why the stream below failed: because of what was done here, or by itself.
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

// A resetConn is what a conn has besides if its stream can be reset.
type resetConn struct {
	of       *conn
	resetter transport.Resetter
}

// Reset implements [transport.Resetter].
func (r resetConn) Reset() error {
	r.of.end()
	return r.resetter.Reset()
}
