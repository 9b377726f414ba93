package transport

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
)

// pipeBacklog is how many dialled connections wait for Accept before Dial waits.
const pipeBacklog = 128

// A PipeListener is a [Listener] in memory and the [Dialer] that reaches it. The
// connections are those of [Pipe]; the dialling ends have the addresses "pipe:1",
// "pipe:2" and so on. All of it may be called at any time by anybody.
type PipeListener struct {
	backlog chan Conn
	closed  chan struct{}
	once    sync.Once
	dialled atomic.Uint64
}

// NewPipeListener returns a listener that nobody has dialled yet.
func NewPipeListener() *PipeListener {
	return &PipeListener{
		backlog: make(chan Conn, pipeBacklog),
		closed:  make(chan struct{}),
	}
}

// Accept returns the next connection that was dialled. After Close it fails with
// [ErrClosed].
func (l *PipeListener) Accept() (Conn, error) {
	if l.isClosed() {
		return nil, ErrClosed
	}
	select {
	case conn := <-l.backlog:
		return conn, nil
	case <-l.closed:
		return nil, ErrClosed
	}
}

// Dial connects without waiting for Accept, as long as fewer than 128 connections
// wait for it. Those that wait when the listener closes are closed too.
func (l *PipeListener) Dial(ctx context.Context) (Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, &pipeDialError{err}
	}
	if l.isClosed() {
		return nil, &pipeDialError{errNotListening}
	}
	addr := l.Addr() + ":" + strconv.FormatUint(l.dialled.Add(1), 10)
	here, there := newPipe(addr, l.Addr())
	select {
	case l.backlog <- there:
	case <-l.closed:
		return nil, &pipeDialError{errNotListening}
	case <-ctx.Done():
		return nil, &pipeDialError{ctx.Err()}
	}
	if l.isClosed() { // perhaps just after Close emptied the backlog
		l.refuse()
	}
	return here, nil
}

// Close stops listening. Connections that were accepted go on.
func (l *PipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	l.refuse()
	return nil
}

// Addr returns "pipe".
func (l *PipeListener) Addr() string { return "pipe" }

func (l *PipeListener) isClosed() bool {
	select {
	case <-l.closed:
		return true
	default:
		return false
	}
}

// refuse closes the connections that nobody will accept.
func (l *PipeListener) refuse() {
	for {
		select {
		case conn := <-l.backlog:
			conn.Close()
		default:
			return
		}
	}
}

var errNotListening = errors.New("nobody listens")

// A pipeDialError says that Dial failed, without the fmt package.
type pipeDialError struct{ err error }

func (e *pipeDialError) Error() string { return "transport: dial pipe: " + e.err.Error() }
func (e *pipeDialError) Unwrap() error { return e.err }
