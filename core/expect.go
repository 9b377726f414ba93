package core

import "context"

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
