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

// A PipeListener is a [Listener] in memory, and also the [Dialer] that connects to it. Its
// connections are made by [Pipe]; the dialling ends have the addresses "pipe:1",
// "pipe:2" and so on. All methods are safe for concurrent use.
type PipeListener struct {
	backlog chan Conn
	closed  chan struct{}
	once    sync.Once
	dialled atomic.Uint64
}

// NewPipeListener returns a listener without connections.
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

// Dial connects. While fewer than 128 connections wait for Accept, it does not wait. Connections
// that wait for Accept when the listener closes are closed too. After Close, Dial fails.
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

// Close stops listening. Connections that were accepted go on. Close may be called again.
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

// A pipeDialError is the error of Dial. It does not need package fmt.
type pipeDialError struct{ err error }

func (e *pipeDialError) Error() string { return "transport: dial pipe: " + e.err.Error() }
func (e *pipeDialError) Unwrap() error { return e.err }
