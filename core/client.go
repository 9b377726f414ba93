package core

import (
	"context"
	"sync"

	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A Client is one end of a connection to a server. Make one with [NewClient], register
// handlers, then call [Client.Connect]. All methods except those that register are safe
// for concurrent use.
type Client struct {
	handlers
	opts   ClientOptions
	cfg    config
	dialer transport.Dialer
	manual *manualQueue // nil unless the program runs the handlers itself

	onState func(s State, why error)
	onCome  func(p Presence)
	onGo    func(p Presence)

	mu         sync.Mutex              // guards the fields below
	conn       *Conn                   // the connection, or the last there was
	connecting context.CancelCauseFunc // gives up the attempt under way; nil if there is none
	lastID     uint64
}

// A State is what a client's connection is in.
type State uint8

const (
	StateConnected    State = iota + 1 // the server has welcomed the client
	StateDisconnected                  // the connection has ended
)

// String returns the state in lower case, such as "connected".
func (s State) String() string {
	switch s {
	case StateConnected:
		return "connected"
	case StateDisconnected:
		return "disconnected"
	}
	return "unknown state"
}

// NewClient returns a client that does not connect yet. opts may be nil.
func NewClient(d transport.Dialer, opts *ClientOptions) *Client {
	cl := &Client{dialer: d}
	if opts != nil {
		cl.opts = *opts
	}
	cl.cfg = cl.opts.config()
	cl.conv, cl.maxCommand = cl.cfg.codec, cl.cfg.maxCommand
	cl.manual = newManualQueue(cl.opts.Manual)
	return cl
}

// OnState registers what runs when the connection has come about, before anything else is
// handled, and when it has ended, with the reason: an [Error], whose code is [CodeClosed]
// when one side left in order.
func (cl *Client) OnState(f func(s State, why error)) {
	cl.mustBeOpen()
	cl.onState = f
}

// OnClientConnect registers what runs when another client has connected to the server. Having
// such a handler makes the client ask the server for these notices.
func (cl *Client) OnClientConnect(f func(p Presence)) {
	cl.mustBeOpen()
	cl.onCome = f
}

// OnClientDisconnect is OnClientConnect for clients that have gone.
func (cl *Client) OnClientDisconnect(f func(p Presence)) {
	cl.mustBeOpen()
	cl.onGo = f
}

// Connect connects and returns when the server has welcomed the client. ctx bounds the attempt,
// not the connection; its values are passed to handlers. It fails with the dialer's error
// as cause, or with the server's reason for refusing, for which [IsRemote] reports
// true. After a connection has ended it may be called again: the client joins anew.
func (cl *Client) Connect(ctx context.Context) error {
	attempt, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	last, err := cl.beginConnect(giveUp)
	if err != nil {
		return err
	}
	c, rd, err := cl.dial(attempt)
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.connecting = nil
	if err != nil {
		if attempt.Err() != nil && ctx.Err() == nil {
			return context.Cause(attempt)
		}
		return err
	}
	cl.conn = c
	c.eng.sweep.start()
	go c.serve(rd, func() {
		if last != nil {
			<-last.done // its end is told before this beginning
		}
		cl.tell(c, StateConnected, nil)
	})
	return nil
}

// beginConnect notes an attempt, which giveUp ends, and returns the connection before, if any.
func (cl *Client) beginConnect(giveUp context.CancelCauseFunc) (last *Conn, err error) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.connecting != nil || cl.conn != nil && !cl.conn.isEnded() {
		return nil, NewError(CodeUnsupported, "the client is connected or connecting already")
	}
	cl.freeze()
	cl.connecting = giveUp
	cl.lastID++
	return cl.conn, nil
}

// current returns the connection, or why there is none.
func (cl *Client) current() (*Conn, error) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.conn == nil {
		return nil, NewError(CodeNotConnected, "the client has not connected")
	}
	return cl.conn, nil
}

// Conn returns the connection to the server, or the last there was, or nil.
func (cl *Client) Conn() *Conn {
	c, _ := cl.current()
	return c
}

// Send is [Conn.Send] to the server.
func (cl *Client) Send(command string, v any) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	return c.Send(command, v)
}

// SendBytes is [Conn.SendBytes] to the server.
func (cl *Client) SendBytes(command string, payload []byte) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	return c.SendBytes(command, payload)
}

// SendRaw is [Conn.SendRaw] to the server.
func (cl *Client) SendRaw(payload []byte) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	return c.SendRaw(payload)
}

// RecvRaw is [Conn.RecvRaw] from the server.
func (cl *Client) RecvRaw(ctx context.Context) ([]byte, error) {
	c, err := cl.current()
	if err != nil {
		return nil, err
	}
	return c.RecvRaw(ctx)
}

// Recv is [Conn.Recv] from the server.
func (cl *Client) Recv(ctx context.Context, command string) ([]byte, error) {
	c, err := cl.current()
	if err != nil {
		return nil, err
	}
	return c.Recv(ctx, command)
}

// CallBytes is [Conn.CallBytes] to the server.
func (cl *Client) CallBytes(ctx context.Context, command string, payload []byte) ([]byte, error) {
	c, err := cl.current()
	if err != nil {
		return nil, err
	}
	return c.CallBytes(ctx, command, payload)
}

func (cl *Client) codec() Codec { return cl.cfg.codec }

// Join is [Conn.Join].
func (cl *Client) Join(group string) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	return c.Join(group)
}

// Leave is [Conn.Leave].
func (cl *Client) Leave(group string) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	return c.Leave(group)
}

// Name is what the client is called: by the server once it has connected.
func (cl *Client) Name() string {
	if c := cl.Conn(); c != nil {
		return c.Name()
	}
	return cl.opts.Name
}

// Groups returns the groups the client is in, sorted. The caller owns the slice.
func (cl *Client) Groups() []string {
	if c := cl.Conn(); c != nil {
		return c.Groups()
	}
	return nil
}

// Done is closed when the connection has ended and its handlers have returned. It is closed
// from the start if there never was one.
func (cl *Client) Done() <-chan struct{} {
	if c := cl.Conn(); c != nil {
		return c.Done()
	}
	ch := make(chan struct{})
	close(ch)
	return ch
}

// Err returns why the connection ended, an [Error], or nil while it has not.
func (cl *Client) Err() error {
	if c := cl.Conn(); c != nil {
		return c.Err()
	}
	return nil
}

// Close leaves: what is queued is sent first, then a goodbye, and the stream is closed, which takes
// at most [ClientOptions.CloseTimeout]. It may be called from a handler, whose return
// it does not wait for; [Client.Done] tells when all handlers have. A Connect under way
// fails with [CodeClosed]. It is idempotent and always returns nil.
func (cl *Client) Close() error {
	cl.mu.Lock()
	c, giveUp := cl.conn, cl.connecting
	cl.mu.Unlock()
	if giveUp != nil {
		giveUp(NewError(CodeClosed, "the client was closed while it connected"))
	}
	if c == nil {
		return nil
	}
	c.Close() //nolint:errcheck // always nil
	<-c.streamDone
	return nil
}

func (cl *Client) engine(heartbeat *wire.Welcome) *engine {
	cfg := cl.cfg
	cfg.heartbeat = heartbeat.Heartbeat
	return &engine{
		config:     cfg,
		handlers:   &cl.handlers,
		manual:     cl.manual,
		sweep:      newSweeper(sweepPeriod(cfg.heartbeat, cfg.writeTimeout)),
		gone:       func(*Conn) {},
		finished:   cl.finished,
		membership: cl.membership,
		setGroup:   cl.changeGroup,
		presence:   cl.presence,
	}
}

func (cl *Client) finished(c *Conn) {
	c.eng.sweep.remove(c)
	c.eng.sweep.close()
	cl.tell(c, StateDisconnected, c.Err())
}

func (cl *Client) tell(c *Conn, s State, why error) {
	if cl.onState == nil {
		return
	}
	defer c.eng.recover(c, "state handler")
	cl.onState(s, why)
}

func (cl *Client) presence(p Presence, came bool) {
	switch {
	case came && cl.onCome != nil:
		cl.onCome(p)
	case !came && cl.onGo != nil:
		cl.onGo(p)
	}
}
