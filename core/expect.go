package core

import (
	"context"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// An Expectation waits for one command of the peer, from when it is made: so it may be made before
// what asks for that command is sent. It is for one goroutine.
type Expectation struct {
	c       *Conn
	command string        // empty: of any name
	ch      chan received // has room for the one
	err     error         // why it has nothing to wait for
}

// An Expecter is whoever a command can be expected from: a [Conn] or a [Client].
type Expecter interface {
	Expect(command string) *Expectation
}

// Expect begins to wait for the next command of that name, or with an empty name for the next that has
// no handler of its own:
//
//	answer := c.Expect("answer")
//	defer answer.Stop()
//	if err := c.Send("question", 6); err != nil {
//		return err
//	}
//	payload, err := answer.Recv(ctx)
//
// That one command reaches neither its handler nor a catch-all, and does not wait its turn behind slow
// handlers, so that a handler may wait for it too. Several who expect a command are given one each, in
// the order in which they began. What is wrong, such as a bad name, says Recv.
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

// Expect is [Conn.Expect] from the server, over the connection that there is now.
func (cl *Client) Expect(command string) *Expectation {
	c, err := cl.current()
	if err != nil {
		return &Expectation{command: command, err: err}
	}
	return c.Expect(command)
}

// Recv returns the payload of the command, which the caller owns, as soon as it has come. It fails
// with why the connection ended, or with ctx's error: then it may be called again. Once it has
// returned a payload the expectation is over.
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

// Command is the name of the command that Recv has returned, or else that is expected.
func (e *Expectation) Command() string { return e.command }

// Stop ends the expectation: commands that come now are handled as ever. One that came before, and
// that Recv has not returned, is lost. It may be called more than once.
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

// Recv waits for the next command of that name, or with an empty name for the next that has no
// handler of its own, and returns its payload, which the caller owns. Commands that came before
// Recv was called are not seen: [Conn.Expect] begins to wait before something is sent. It fails
// with why the connection ended, or ctx's error.
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

// A recvTable holds channels on which commands are awaited: by their name, or under the empty name for any.
type recvTable struct {
	waiting atomic.Int32 // how many wait, so that nobody else pays

	mu lock.Mutex[lock.Receivers] // guards the fields below
	by map[string][]chan received // by name, in the order in which they began; each has room for one

	// give is deliver once somebody has waited: a page never does, and its build goes without that.
	give func(t *recvTable, c *Conn, command, payload []byte) bool
}

// received is a command that somebody has waited for.
type received struct {
	command string
	payload []byte
}

// awaited reports whether somebody waits for a command.
func (t *recvTable) awaited() bool { return t.waiting.Load() > 0 }

// gotAwaited hands a command to whoever waits for it. It reports whether somebody did. The table is awaited, or
// was just now.
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

// deliver hands a copy of a command of c to whoever has waited longest for its name, or for any name if that is
// well formed and no handler's. It reports whether somebody did.
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

// leave takes back a channel, and the command that was put into it at the last moment.
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
	default: // it has been taken
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
