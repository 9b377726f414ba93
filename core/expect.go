package core

import (
	"context"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// An Expectation waits for one command of the peer, from the moment it is made. So it can be made before
// the message is sent to which the peer replies with that command. One goroutine at a time may use it.
type Expectation struct {
	c       *Conn
	command string        // empty: of any name
	ch      chan received // has room for the one
	err     error         // why it has nothing to wait for
}

// An Expecter is a peer from which a command can be expected: a [Conn] or a [Client].
type Expecter interface {
	Expect(command string) *Expectation
}

// Expect begins to wait for the next command of that name, or with an empty name for the next command that has
// no handler of its own:
//
//	answer := c.Expect("answer")
//	defer answer.Stop()
//	if err := c.Send("question", 6); err != nil {
//		return err
//	}
//	payload, err := answer.Recv(ctx)
//
// That one command reaches neither its handler nor the message handler, and does not wait its turn behind slow
// handlers, so that a handler may wait for it too. Several expectations of a command get one each, in
// the order in which they were made. If command is not well formed, or the connection has ended, Recv fails.
func (c *Conn) Expect(command string) *Expectation {
	e := &Expectation{c: c, command: command}
	if command != "" {
		if err := c.checkGot(command); err != nil {
			e.err = err
			return e
		}
	}
	if c.isEnded() {
		e.err = c.closedError()
		return e
	}
	e.ch = c.recv.add(command)
	return e
}

// Expect is [Conn.Expect] from the server, over the connection that the client has at this moment.
func (cl *Client) Expect(command string) *Expectation {
	c, err := cl.current()
	if err != nil {
		return &Expectation{command: command, err: err}
	}
	return c.Expect(command)
}

// Recv waits for the command and returns its payload, which the caller owns. It fails
// with the reason for which the connection ended, or with the error of ctx; after that it may be called again. Once it
// has returned a payload the expectation is over.
func (e *Expectation) Recv(ctx context.Context) ([]byte, error) {
	if e.err != nil {
		return nil, e.err
	}
	select {
	case r := <-e.ch:
		return e.take(r), nil
	default:
	}
	ctx = given(ctx)
	if e.c.beginAsking(ctx) {
		defer e.c.endAsking()
	}
	select {
	case r := <-e.ch:
		return e.take(r), nil
	case <-ctx.Done():
		return nil, e.c.waitError(ctx)
	case <-e.c.Context().Done():
	}
	select {
	case r := <-e.ch: // just before the end
		return e.take(r), nil
	default:
	}
	return nil, e.c.closedError()
}

// Command is the name of the command that Recv has returned, or before that the name that is expected.
func (e *Expectation) Command() string { return e.command }

// Stop ends the expectation: commands that come from now on are handled as ever. A command that has come already, and
// that Recv has not returned, is lost. Stop may be called more than once.
func (e *Expectation) Stop() { e.stop() }

// stop is Stop. It returns the payload that has come and that Recv has not returned.
func (e *Expectation) stop() (payload []byte, ok bool) {
	if e.err != nil {
		return nil, false
	}
	r, ok := e.c.recv.leave(e.command, e.ch)
	if ok {
		return e.take(r), true
	}
	e.err = errExpected
	return nil, false
}

func (e *Expectation) take(r received) []byte {
	e.command, e.err = r.command, errExpected
	return r.payload
}

var errExpected = &Error{Code: CodeClosed, Message: "the expectation is over"}

// Recv waits for the next command of that name, or with an empty name for the next command that has no
// handler of its own, and returns its payload, which the caller owns. It does not return commands that came before
// it was called: use [Conn.Expect] to begin to wait before the peer is asked. It fails
// with the reason for which the connection ended, or with the error of ctx.
func (c *Conn) Recv(ctx context.Context, command string) ([]byte, error) {
	e := c.Expect(command)
	payload, err := e.Recv(ctx)
	if late, ok := e.stop(); ok {
		return late, nil
	}
	return payload, err
}

// An Expected is an [Expectation] whose payload is converted to a T, as [On] says.
type Expected[T any] struct{ of *Expectation }

// Expect is [Conn.Expect] for a command whose payload is converted.
func Expect[T any](from Expecter, command string) Expected[T] {
	return Expected[T]{from.Expect(command)}
}

// Recv is [Expectation.Recv]. It fails with [CodeBadPayload] if the payload does not convert; the
// expectation is over then too.
func (e Expected[T]) Recv(ctx context.Context) (T, error) {
	payload, err := e.of.Recv(ctx)
	if err != nil {
		var none T
		return none, err
	}
	return decoded[T](e.of.c.codec(), payload)
}

// Command is [Expectation.Command].
func (e Expected[T]) Command() string { return e.of.Command() }

// Stop is [Expectation.Stop].
func (e Expected[T]) Stop() { e.of.Stop() }

// A recvTable holds the channels of expectations: by the name of the command, or under the empty name for any command.
type recvTable struct {
	waiting atomic.Int32 // the number of channels; without any, a command costs one load

	mu lock.Mutex[lock.Receivers] // guards the fields below
	by map[string][]chan received // by name, in the order in which they were added; each has room for one

	// give is deliver once a channel has been added. A page never adds one, so deliver is not in its build.
	give func(t *recvTable, c *Conn, command, payload []byte) bool
}

// A received is a command that was expected.
type received struct {
	command string
	payload []byte
}

// awaited reports whether any command is expected.
func (t *recvTable) awaited() bool { return t.waiting.Load() > 0 }

// gotAwaited gives a command to the expectation that waits for it. It reports whether there is one. The caller has
// called awaited, so add has been called.
func (c *Conn) gotAwaited(body []byte) bool {
	name, payload, err := wire.ParseCommand(body)
	return err == nil && c.recv.give(&c.recv, c, name, payload)
}

// add returns a channel on which the next command of that name comes.
func (t *recvTable) add(command string) chan received {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.by == nil {
		t.by, t.give = make(map[string][]chan received), (*recvTable).deliver
	}
	ch := make(chan received, 1)
	t.by[command] = append(t.by[command], ch)
	t.waiting.Add(1)
	return ch
}

// deliver puts a copy of a command of c into the channel that has waited longest for its name, or else, if the name is
// well formed and has no handler, into the one that has waited longest for any name. It reports whether there is one.
func (t *recvTable) deliver(c *Conn, command, payload []byte) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	waiters := t.by[string(command)] // does not allocate
	under := ""
	switch {
	case len(command) > 0 && len(waiters) > 0:
		under = string(command)
	case len(t.by[""]) == 0, c.eng.handlers.commands[string(command)] != nil, c.checkGot(string(command)) != nil:
		return false
	default:
		waiters = t.by[""]
	}
	waiters[0] <- received{string(command), append(make([]byte, 0, len(payload)), payload...)}
	t.removeLocked(under, 0)
	return true
}

// leave removes a channel. If a command has been put into it already, and not been received, leave returns the command.
func (t *recvTable) leave(command string, ch chan received) (received, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i, w := range t.by[command] {
		if w == ch {
			t.removeLocked(command, i)
			return received{}, false
		}
	}
	select {
	case r := <-ch:
		return r, true
	default: // Recv has returned the command
		return received{}, false
	}
}

func (t *recvTable) removeLocked(command string, i int) {
	waiters := t.by[command]
	waiters = append(waiters[:i], waiters[i+1:]...)
	if len(waiters) == 0 {
		delete(t.by, command)
	} else {
		t.by[command] = waiters
	}
	t.waiting.Add(-1)
}
