package core

import (
	"context"
	"math"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/convert"
)

// A Kind says whether a [Frame] is a command, a call, a raw message or the opening of a stream.
type Kind uint8

const (
	KindCommand Kind = iota + 1 // a command: a name and a payload, not answered
	KindCall                    // a call: a name and a payload, answered once
	KindRaw                     // a raw message: a payload without a name
	KindStream                  // the opening of a stream: its name, and the payload that its opener gives
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
	case KindStream:
		return "stream"
	}
	return "unknown kind"
}

// A Frame is one command, call, raw message or opening of a stream, as catch-all handlers and
// middleware see it.
type Frame struct {
	Kind    Kind
	Command string // empty for a raw message

	// Payload is valid until the handler returns: a handler that keeps it must copy it.
	Payload []byte
}

// A Handler is the untyped form of every handler. It takes a frame and returns the payload of the answer,
// which is used only for a call. ctx ends with the connection, and for a call also when the caller gives up.
type Handler func(ctx context.Context, c *Conn, f Frame) ([]byte, error)

// A Middleware wraps the handlers of commands, calls, raw messages and streams. It may look at a frame, pass on
// another one, or answer by itself.
//
// It sees a stream once, as the [Frame] that opens it, and does not see the items. The handler runs until the stream is
// over, on a goroutine of its own. The error that the middleware returns is told to the other end. A middleware that
// returns nil without running the handler ends the stream in order, without items. The handler needs the context that
// the middleware was given, or a context that derives from it.
type Middleware func(next Handler) Handler

// An Outgoing is a command, call, raw message or opening of a stream on its way out. Middleware may change the Frame, the
// Key and Transient. The other fields only say where the frame goes.
type Outgoing struct {
	Frame

	// To is the connection that the frame goes to. It is nil if the frame goes to a group, to a user, to all
	// clients of a name or to everybody. It is nil as well if no client has the Name, or several have it.
	To *Conn

	// Group is the group that the frame goes to, User the id of the user that it goes to, and Name the name that the
	// program has sent it to. Each of the three is empty if the frame goes elsewhere.
	Group string
	User  string
	Name  string

	Key       string // the key of the option [Key]
	Transient bool   // the option [Transient] is given

	send func(*Outgoing) error
}

// A SendFunc queues an Outgoing. A SendMiddleware wraps it. Both run on the
// goroutine that sends, once for each send, group send or broadcast, and once for each stream when it is opened: its Frame has the
// name and the argument, and items are not seen. If a middleware returns an error, the stream that it has opened is given up.
type (
	SendFunc       func(out *Outgoing) error
	SendMiddleware func(next SendFunc) SendFunc
)

// A HandlerOption changes how one handler is run.
type HandlerOption struct {
	concurrent bool
	bounded    bool
	maxPayload int // in bytes, if bounded
}

// Concurrent gives each run of a handler a goroutine of its own and a copy of the payload. The frames
// that follow on the connection do not wait for the run, and the run does not wait for a slow handler before it.
// [Limits].MaxConcurrent bounds how many run at once for a connection: further runs wait their turn like other handlers.
//
// Two handlers, one at each end of a connection, may call the other end and wait for each other for ever. Then one of
// the calls fails with [CodeDeadlock] at the end that made it, if the handlers make their calls with their own
// contexts. So handlers that call back and forth should be concurrent. Their calls fail in the same way if more than
// MaxConcurrent of them run at an end. A circle of calls over several connections, for instance from one client through
// the server to another client and back, is not found in this way: it ends with the context of the first call.
func Concurrent() HandlerOption { return HandlerOption{concurrent: true} }

// MaxPayload bounds the payloads of a handler to n bytes. A longer payload is not converted, not shown
// to the handler or to middleware, and, except in a browser, not copied: a call fails with
// [CodeTooBig], and any other frame goes to the error hook with that code. The connection goes on.
// Without the option, or with a negative n, a payload may be as long as a frame.
//
// A handler that takes a slice of large structs should have such a bound: in `[{},{}]` each struct takes three bytes,
// and may be large in memory.
func MaxPayload(n int) HandlerOption { return HandlerOption{bounded: true, maxPayload: n} }

// A Registrar takes handlers: a [Server] or a [Client].
type Registrar interface {
	registrar() *handlers
}

// handlers holds what the program registers at a Server or a Client. It changes only before the first connection, and
// is read without a lock afterwards.
type handlers struct {
	frozen atomic.Bool   // nothing can be registered any more
	conv   convert.Codec // converts the values of typed handlers

	maxCommand int // the length of the longest name of a command, in bytes

	commands map[string]*handler // by the name of the command
	order    []*handler          // the handlers of commands in the order of their registration
	calls    map[string]*handler // by the name of the call
	streams  map[string]*handler // by the name of the stream

	streaming *streaming // nil unless a browser build handles streams

	pageHooks
	anyStream  *handler // of streams that have no handler of their own: it refuses them; nil without an authorizer
	anyCommand *handler
	anyCall    *handler
	message    *handler
	onError    func(c *Conn, err error)
	onMissed   func(c *Conn, n uint64)

	onUndelivered func(c *Conn, frames []Undelivered)

	onRename     func(c *Conn, old, name string)
	onJoinGroup  func(c *Conn, group string)
	onLeaveGroup func(c *Conn, group string)

	concurrent     bool // a handler is Concurrent; set by freeze
	bounded        bool // a handler has a MaxPayload; set by freeze
	middleware     []Middleware
	sendMiddleware []SendMiddleware
	send           SendFunc // sendMiddleware around the send of an Outgoing; nil without middleware
}

type handler struct {
	name       string
	run        Handler
	concurrent bool
	maxPayload int // in bytes
}

func (h *handlers) registrar() *handlers { return h }

// OnBytes registers the handler of a command that takes the payload as it is, so that nothing is
// converted or allocated. payload is valid until the handler returns. An error that the handler
// returns goes to the error hook. See [On] for the rules that all registrations share.
func (h *handlers) OnBytes(command string, f func(ctx context.Context, c *Conn, payload []byte) error, opts ...HandlerOption) {
	needFunc("OnBytes "+command, f == nil)
	h.addCommand(command, func(ctx context.Context, c *Conn, fr Frame) ([]byte, error) {
		return nil, f(ctx, c, fr.Payload)
	}, opts)
}

// HandleBytes registers the handler of a call that takes the payload and returns the answer as they are. The answer is
// copied before the connection's next handler runs, so it may be part of payload.
func (h *handlers) HandleBytes(command string, f func(ctx context.Context, c *Conn, payload []byte) ([]byte, error), opts ...HandlerOption) {
	needFunc("HandleBytes "+command, f == nil)
	h.addCall(command, func(ctx context.Context, c *Conn, fr Frame) ([]byte, error) {
		return f(ctx, c, fr.Payload)
	}, opts)
}

// OnAny registers the handler of the commands that have no handler of their own.
func (h *handlers) OnAny(f func(ctx context.Context, c *Conn, f Frame) error, opts ...HandlerOption) {
	h.mustBeOpen()
	needFunc("OnAny", f == nil)
	h.anyCommand = newHandler("", withoutReply(f), opts)
}

// HandleAny registers the handler of the calls that have no handler of their own. Without it these calls fail
// with [CodeUnknownCommand].
func (h *handlers) HandleAny(f func(ctx context.Context, c *Conn, f Frame) ([]byte, error), opts ...HandlerOption) {
	h.mustBeOpen()
	needFunc("HandleAny", f == nil)
	h.anyCall = newHandler("", f, opts)
}

// OnMessage registers the message handler. It runs for every command, after the command's own handler if
// there is one (beside that handler if it is [Concurrent]), and for every raw message that no
// [Conn.RecvRaw] waits for.
func (h *handlers) OnMessage(f func(ctx context.Context, c *Conn, f Frame) error, opts ...HandlerOption) {
	h.mustBeOpen()
	needFunc("OnMessage", f == nil)
	h.message = newHandler("", withoutReply(f), opts)
}

// OnError registers the error hook. It runs for each fault that no caller can be told of: a command whose
// payload does not convert, a command handler that failed, an answer that does
// not convert or is too big, details that cannot be sent, a raw message that was dropped because nobody receives it, a
// newcomer that was refused (c is nil then). Peers may cause faults as often as they like; unlike the
// [Logger], the hook hears of each. It may run on
// several goroutines at once, also with manual dispatch, and may wait as a handler may. The goroutine that has met
// the fault goes on when the hook has returned. If [Access.Authorize] or another function of Access has failed,
// [errors.Unwrap] of err is the error that it returned.
func (h *handlers) OnError(f func(c *Conn, err error)) {
	h.mustBeOpen()
	needFunc("OnError", f == nil)
	h.onError = f
}

// OnRename registers a function that runs when the peer has changed the client's name from old to name.
// On a server the peer is the client. On a client the peer is the server, also when it answers [Client.Rename].
// The function runs once for each change and in turn, like a command's handler. On a server the client has been
// answered by then. [Conn.Name] may have changed again. The function does not run for the name that the client
// has from the start, and on a server not after [Conn.Rename].
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

// OnLeaveGroup is OnRename for a group that the client has left. It does not run when the connection ends.
func (h *handlers) OnLeaveGroup(f func(c *Conn, group string)) {
	h.mustBeOpen()
	needFunc("OnLeaveGroup", f == nil)
	h.onLeaveGroup = f
}

// OnMissed registers a function that runs when the peer says that it has dropped n more frames for this end, as the
// peer's [Overflow] allows. It runs before the frames that come after the gap are handled, one run after the other, and
// beside a handler that is slow.
func (h *handlers) OnMissed(f func(c *Conn, n uint64)) {
	h.mustBeOpen()
	needFunc("OnMissed", f == nil)
	h.onMissed = f
}

// Use adds middleware around all handlers of commands, calls, raw messages and streams. The middleware that was
// added first is the outermost.
func (h *handlers) Use(mw ...Middleware) {
	h.mustBeOpen()
	for _, f := range mw {
		needFunc("Use", f == nil)
	}
	h.middleware = append(h.middleware, mw...)
}

// UseSend adds middleware around everything that this side sends, except the items of streams. The middleware that was
// added first is the outermost.
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

// add registers one handler in m. It panics if the name is invalid or has a handler already, which is the program's
// mistake.
func add(h *handlers, m *map[string]*handler, name string, f Handler, opts []HandlerOption) {
	h.mustBeOpen()
	if why := unfit(name, h.maxCommand); why != "" {
		panic("core: " + why)
	}
	if (*m)[name] != nil {
		panic("core: \"" + name + "\" has a handler already")
	}
	if *m == nil {
		*m = make(map[string]*handler)
	}
	(*m)[name] = newHandler(name, f, opts)
}

// unfit says why a command of that name can have no handler. It returns nothing if the command can have one.
func unfit(name string, max int) string {
	if err := checkName(name, max); err != nil {
		return err.Message
	}
	if reserved(name) {
		return "command \"" + name + "\" is reserved: use the method of that event"
	}
	return ""
}

// reserved reports whether a name stands for an event in the original's protocol, which sends events as commands.
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

// needFunc panics if a function that is to be registered is nil. Otherwise nobody would notice before
// the first frame for it.
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

// freeze wraps the handlers in the middleware, once and before the first connection. Nothing can be registered
// afterwards.
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
	for _, n := range h.streams {
		wrap(n)
	}
	wrap(h.anyStream)
	wrap(h.anyCommand)
	wrap(h.anyCall)
	wrap(h.message)
}
