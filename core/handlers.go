package core

import (
	"context"
	"math"
	"sync/atomic"
)

// A Kind says which of the three things a peer can send a [Frame] is.
type Kind uint8

const (
	KindCommand Kind = iota + 1 // a command: a name and a payload, not answered
	KindCall                    // a call: a name and a payload, answered once
	KindRaw                     // a raw message: a payload without a name
)

// String returns the kind in lower case, such as "command".
func (k Kind) String() string {
	switch k {
	case KindCommand:
		return "command"
	case KindCall:
		return "call"
	case KindRaw:
		return "raw message"
	}
	return "unknown kind"
}

// A Frame is one command, call or raw message, as catch-all handlers and
// middleware see it.
type Frame struct {
	Kind    Kind
	Command string // empty for a raw message

	// Payload is valid until the handler returns; one that keeps it must copy it.
	Payload []byte
}

// A Handler is the untyped form below every other: it takes what came and returns what
// goes back. The result matters for calls only. ctx ends with the connection, and for
// a call also when the caller gives up.
type Handler func(ctx context.Context, c *Conn, f Frame) ([]byte, error)

// A Middleware wraps the handlers of commands, calls and raw messages: it may look,
// change what is passed on, or answer itself.
type Middleware func(next Handler) Handler

// An Outgoing is a command, call or raw message on its way out. Middleware may change the Frame, the
// Key and Transient; the other fields only say where it goes.
type Outgoing struct {
	Frame

	// To is the connection it goes to. It is nil when it goes to a group, to a user, to all of a
	// name or to everybody, and when nobody or several have the Name.
	To *Conn

	// Group is the group it goes to, if it does, User the id of the user, and Name the name that was
	// sent to. All are empty for what goes to a connection or to everybody.
	Group string
	User  string
	Name  string

	Key       string // what the option [Key] says
	Transient bool   // what the option [Transient] says

	send func(*Outgoing) error
}

// A SendFunc queues what is on its way out. A [SendMiddleware] wraps it; it runs on the
// goroutine that sends, once for each send, group send or broadcast.
type (
	SendFunc       func(out *Outgoing) error
	SendMiddleware func(next SendFunc) SendFunc
)

// A HandlerOption changes how one handler is run.
type HandlerOption struct {
	concurrent bool
	bounded    bool
	maxPayload int // bytes, if bounded
}

// Concurrent makes each run of a handler a goroutine of its own, on a copy of the payload,
// so that what follows on the connection does not wait for it, and it does not wait for
// a slow handler before it. How many run at once for a connection is limited; beyond, they
// wait their turn like others.
//
// A call of the peer that waits for a handler which itself waits for the peer would wait for ever if what
// that handler waits for waits for the call. Then the call fails with [CodeDeadlock] at the end that made it, if the
// handlers make their calls with their own contexts. So calls that go back and forth want concurrent
// handlers, and fail in the same way where more than these run at once: 64 at each end. Calls that go
// round over several connections, as from one client through the server to another and back, are
// not found so: they end with the context of the first.
func Concurrent() HandlerOption { return HandlerOption{concurrent: true} }

// MaxPayload bounds the payloads of a handler to n bytes. A longer one is not converted, not shown
// to the handler or to middleware, and, except in a browser, not copied: a call fails with
// [CodeTooBig], and anything else goes to the error hook with that code. The connection goes on.
// Without the option, or with a negative n, a payload may be as long as a frame.
//
// A handler that takes a slice of large structs wants such a bound, since `[{},{}]` is three bytes
// for each struct, however large that is in memory.
func MaxPayload(n int) HandlerOption { return HandlerOption{bounded: true, maxPayload: n} }

// A Registrar takes handlers: a [Server] or a [Client].
type Registrar interface {
	registrar() *handlers
}

// handlers are what a Server and a Client have registered. They are changed only before
// the first connection and read without a lock afterwards.
type handlers struct {
	frozen atomic.Bool
	conv   Codec // of the typed handlers

	maxCommand int // the longest name of a command

	commands map[string]*handler
	order    []*handler // commands in the order of their registration
	calls    map[string]*handler

	anyCommand *handler
	anyCall    *handler
	message    *handler
	onError    func(c *Conn, err error)
	onMissed   func(c *Conn, n uint64)

	onUndelivered func(c *Conn, frames []Undelivered)

	onRename     func(c *Conn, old, name string)
	onJoinGroup  func(c *Conn, group string)
	onLeaveGroup func(c *Conn, group string)

	concurrent     bool // some handler is
	bounded        bool // some handler has a MaxPayload
	middleware     []Middleware
	sendMiddleware []SendMiddleware
	send           SendFunc // nil without middleware
}

type handler struct {
	name       string
	run        Handler
	concurrent bool
	maxPayload int // bytes
}

func (h *handlers) registrar() *handlers { return h }

// OnBytes registers the handler of a command in its untyped form, for which nothing is
// converted or allocated. payload is valid until the handler returns. An error it
// returns goes to the error hook. See [On] for the rules that all registrations share.
func (h *handlers) OnBytes(command string, f func(ctx context.Context, c *Conn, payload []byte) error, opts ...HandlerOption) {
	needFunc("OnBytes "+command, f == nil)
	h.addCommand(command, func(ctx context.Context, c *Conn, fr Frame) ([]byte, error) {
		return nil, f(ctx, c, fr.Payload)
	}, opts)
}

// HandleBytes registers the handler of a call in its untyped form. What it returns is
// copied before the next handler runs, so it may be part of payload.
func (h *handlers) HandleBytes(command string, f func(ctx context.Context, c *Conn, payload []byte) ([]byte, error), opts ...HandlerOption) {
	needFunc("HandleBytes "+command, f == nil)
	h.addCall(command, func(ctx context.Context, c *Conn, fr Frame) ([]byte, error) {
		return f(ctx, c, fr.Payload)
	}, opts)
}

// OnAny registers the handler of commands that no other takes.
func (h *handlers) OnAny(f func(ctx context.Context, c *Conn, f Frame) error, opts ...HandlerOption) {
	h.mustBeOpen()
	needFunc("OnAny", f == nil)
	h.anyCommand = newHandler("", withoutReply(f), opts)
}

// HandleAny registers the handler of calls that no other takes. Without it they fail
// with [CodeUnknownCommand].
func (h *handlers) HandleAny(f func(ctx context.Context, c *Conn, f Frame) ([]byte, error), opts ...HandlerOption) {
	h.mustBeOpen()
	needFunc("HandleAny", f == nil)
	h.anyCall = newHandler("", f, opts)
}

// OnMessage registers the catch-all: it runs for every command, after the command's own handler if
// there is one (beside it if that is [Concurrent]), and for every raw message that no
// [Conn.RecvRaw] waits for.
func (h *handlers) OnMessage(f func(ctx context.Context, c *Conn, f Frame) error, opts ...HandlerOption) {
	h.mustBeOpen()
	needFunc("OnMessage", f == nil)
	h.message = newHandler("", withoutReply(f), opts)
}

// OnError registers the hook that is told what no caller can be told: a command whose
// payload does not convert, a command handler that failed, an answer that does
// not convert or is too big, details that cannot be sent, a raw message dropped for want of a reader, a
// newcomer refused (c is nil then). It may run on
// several goroutines at once, also with manual dispatch, and may wait as a handler may; what has met
// the fault goes on when it has returned. It is told of each fault, as often as
// peers cause one: unlike the [Logger] it is not spared any. What
// [Access.Authorize] and its like failed with is what [errors.Unwrap] makes of err.
func (h *handlers) OnError(f func(c *Conn, err error)) {
	h.mustBeOpen()
	needFunc("OnError", f == nil)
	h.onError = f
}

// OnRename registers a function that runs when the peer has changed the client's name: at a server
// that is the client, at a client the server, also when it does what the client asked for. It runs
// once for each change, in its turn like a command's handler, with the name before and the new one,
// at a server when the client has its answer; [Conn.Name] may have changed again since. It does not
// run for what this end's program does at a server, nor for the name that the client has from the
// start.
func (h *handlers) OnRename(f func(c *Conn, old, name string)) {
	h.mustBeOpen()
	needFunc("OnRename", f == nil)
	h.onRename = f
}

// OnJoinGroup is OnRename for a group that the client has joined.
func (h *handlers) OnJoinGroup(f func(c *Conn, group string)) {
	h.mustBeOpen()
	needFunc("OnJoinGroup", f == nil)
	h.onJoinGroup = f
}

// OnLeaveGroup is OnRename for a group that the client has left. A client that goes leaves
// its groups without it.
func (h *handlers) OnLeaveGroup(f func(c *Conn, group string)) {
	h.mustBeOpen()
	needFunc("OnLeaveGroup", f == nil)
	h.onLeaveGroup = f
}

// OnMissed registers what is told that n more frames from the peer were dropped on their way
// here, as the [Overflow] of its options allows. It runs beside a handler that is slow, once after
// the other, before what comes afterwards is handled.
func (h *handlers) OnMissed(f func(c *Conn, n uint64)) {
	h.mustBeOpen()
	needFunc("OnMissed", f == nil)
	h.onMissed = f
}

// Use adds middleware around all handlers of commands, calls and raw messages. The
// first added is the outermost.
func (h *handlers) Use(mw ...Middleware) {
	h.mustBeOpen()
	for _, f := range mw {
		needFunc("Use", f == nil)
	}
	h.middleware = append(h.middleware, mw...)
}

// UseSend adds middleware around everything that this side sends. The first added is
// the outermost.
func (h *handlers) UseSend(mw ...SendMiddleware) {
	h.mustBeOpen()
	for _, f := range mw {
		needFunc("UseSend", f == nil)
	}
	h.sendMiddleware = append(h.sendMiddleware, mw...)
	h.send = func(out *Outgoing) error { return out.send(out) }
	for i := len(h.sendMiddleware) - 1; i >= 0; i-- {
		h.send = h.sendMiddleware[i](h.send)
		needFunc("UseSend, what the middleware returned", h.send == nil)
	}
}

func (h *handlers) addCommand(name string, f Handler, opts []HandlerOption) {
	add(h, &h.commands, name, f, opts)
	h.order = append(h.order, h.commands[name])
}

func (h *handlers) addCall(name string, f Handler, opts []HandlerOption) {
	add(h, &h.calls, name, f, opts)
}

// add registers one handler. What is wrong here is the program's mistake, so it panics.
func add(h *handlers, m *map[string]*handler, name string, f Handler, opts []HandlerOption) {
	h.mustBeOpen()
	if why := unfit(name, h.maxCommand); why != "" {
		panic("core: " + why)
	}
	if (*m)[name] != nil {
		panic("core: command \"" + name + "\" has a handler already")
	}
	if *m == nil {
		*m = make(map[string]*handler)
	}
	(*m)[name] = newHandler(name, f, opts)
}

// unfit says why a command of that name can have no handler, or nothing if it can.
func unfit(name string, max int) string {
	if err := checkName(name, max); err != nil {
		return err.Message
	}
	if reserved(name) {
		return "command \"" + name + "\" is reserved: use the method of that event"
	}
	return ""
}

// reserved are the names of events, which the original protocol gives as command names.
func reserved(name string) bool {
	switch name {
	case "join", "leave", "message", "client_connect", "client_disconnect", "force_disconnect":
		return true
	}
	return false
}

func newHandler(name string, f Handler, opts []HandlerOption) *handler {
	n := &handler{name: name, run: f, maxPayload: math.MaxInt}
	for _, o := range opts {
		n.concurrent = n.concurrent || o.concurrent
		if o.bounded && o.maxPayload >= 0 {
			n.maxPayload = min(n.maxPayload, o.maxPayload)
		}
	}
	return n
}

func withoutReply(f func(context.Context, *Conn, Frame) error) Handler {
	return func(ctx context.Context, c *Conn, fr Frame) ([]byte, error) {
		return nil, f(ctx, c, fr)
	}
}

// needFunc panics if a function that is to be registered is nil, which would be found out only when
// something comes for it.
func needFunc(where string, missing bool) {
	if missing {
		panic("core: " + where + ": the function is nil")
	}
}

func (h *handlers) mustBeOpen() {
	if h.frozen.Load() {
		panic("core: handlers are registered before serving or connecting")
	}
}

// freeze wraps the handlers in the middleware, once, when the first connection is near.
func (h *handlers) freeze() {
	if h.frozen.Swap(true) {
		return
	}
	wrap := func(n *handler) {
		if n == nil {
			return
		}
		h.concurrent = h.concurrent || n.concurrent
		h.bounded = h.bounded || n.maxPayload < math.MaxInt
		for i := len(h.middleware) - 1; i >= 0; i-- {
			n.run = h.middleware[i](n.run)
			needFunc("Use, what the middleware returned", n.run == nil)
		}
	}
	for _, n := range h.commands {
		wrap(n)
	}
	for _, n := range h.calls {
		wrap(n)
	}
	wrap(h.anyCommand)
	wrap(h.anyCall)
	wrap(h.message)
}
