package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/convert"
	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/parked"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A Client is a program's end of its connection to a server, over all connections that follow one another: the client
// comes back by itself. Make one with [NewClient], register
// handlers, then call [Client.Connect]. All methods are safe for concurrent use, except the methods that register
// something.
type Client struct {
	handlers
	opts   clientOptions
	cfg    config
	dialer transport.Dialer
	manual *manualQueue // nil unless the program runs the handlers itself

	counters counters // over all its connections

	onState func(s State, why error)
	onCome  func(p Presence)
	onGo    func(p Presence)
	onNamed func(old string, p Presence)

	onReplay, onReplayed func(c *Conn, r Replay)

	book history.Book // the client's positions in groups, over all connections; it has its own lock

	mu         lock.Mutex[lock.Client] // guards the fields down to lost
	conn       *Conn                   // the connection, or the last one; nil before the first
	connecting context.CancelCauseFunc // gives up the Connect under way; nil if there is none
	trial      *trial                  // the attempt under way; nil if there is none
	asked      time.Time               // the last call of RetryNow
	closing    bool                    // the client stays away: Close or Detach has been called since the last Connect
	final      error                   // why the client has given up coming back; nil if it has not
	lastID     uint64                  // the id of the last connection

	parked *parked.Session // the session of the options; nil once a Connect has succeeded
	lost   []byte          // frames of a session that is over, until OnUndelivered is given them

	hurry  chan struct{} // has an element when the next attempt is to be made now
	asking chan struct{} // has an element while AuthFunc runs
}

// A State is what has become of a client's connection.
type State uint8

const (
	StateConnected    State = iota + 1 // the server has welcomed the client, which has joined
	StateDisconnected                  // the connection has ended: the client has left
	StateReconnecting                  // there is no stream; the client tries to come back
	StateResumed                       // the client has come back, and the connection goes on: nothing is lost
	StateConnecting                    // Connect tries again and again; see [Retry]
)

// String returns the state in lower case, such as "connected".
func (s State) String() string {
	switch s {
	case StateConnected:
		return "connected"
	case StateDisconnected:
		return "disconnected"
	case StateReconnecting:
		return "reconnecting"
	case StateResumed:
		return "resumed"
	case StateConnecting:
		return "connecting"
	}
	return "unknown state"
}

// NewClient returns a client that does not connect yet. opts may be nil. It
// fails with an [OptionError] for each invalid option. It does not check the name and the groups: an invalid one makes
// [Client.Connect] fail.
func NewClient(d transport.Dialer, opts *ClientOptions) (*Client, error) {
	if opts == nil {
		opts = &ClientOptions{}
	}
	kept, cfg, err := opts.resolve()
	if err != nil {
		return nil, err
	}
	cl := &Client{dialer: d, opts: kept, cfg: cfg, hurry: make(chan struct{}, 1), asking: make(chan struct{}, 1)}
	cl.conv, cl.maxCommand = cl.cfg.codec, cl.cfg.maxCommand
	cl.manual = newManualQueue(opts.Manual)
	if len(opts.Session) > 0 {
		var ok bool
		if cl.parked, ok = parked.Parse(append([]byte(nil), opts.Session...)); !ok {
			cl.cfg.log.warn(nil, "a detached session is damaged or of another version: the client joins anew", nil)
		} else {
			cl.book.Restore(cl.parked.Book)
		}
	}
	return cl, nil
}

// OnState registers a function that runs at each change of the connection's state, one run after the
// other. why is an [Error], or nil for [StateConnected] and [StateResumed].
//
//	connected → reconnecting → resumed             the stream broke off, and nothing is lost
//	connected → reconnecting → disconnected →      the stream broke off, and the server has given
//	            connected                          the session up: the client joins anew
//	connected → reconnecting → disconnected →      the stream broke off, and the time of the session
//	            reconnecting → connected           has passed: the client joins anew when it can
//	connected → disconnected → reconnecting →      the server has ended the connection, and the
//	            connected                          client joins anew later
//	connected → disconnected                       for good: [Client.Done] is closed
//	resumed → …                                    as from connected: the client has gone on with
//	                                               the detached session of another client
//
// With [Retry].First, Connect tells of its attempts too:
//
//	connecting → connected                         the first attempt has succeeded
//	connecting → connecting → connected            the first attempt has failed, for the reason that comes with
//	                                               the second "connecting", and a later one has succeeded
//	connecting → disconnected                      Connect has failed, and has returned the same reason
//
// f runs before the frames that come after the change are handled, except that [Concurrent] handlers may run if f takes
// long. Like any hook f may wait for the server: meanwhile the client comes back, and
// tries again.
func (cl *Client) OnState(f func(s State, why error)) {
	cl.mustBeOpen()
	needFunc("OnState", f == nil)
	cl.onState = f
}

// OnClientConnect registers a function that runs when another client has connected to the server. With such
// a function the client asks the server for notices. p holds as much as the server's [Access.Notices]
// tells. A server that gives no notices says so as the client joins: the error hook
// gets an error with [CodeUnsupported]. A notice may come late, and is left out if a newer notice of the same client
// has replaced it.
func (cl *Client) OnClientConnect(f func(p Presence)) {
	cl.mustBeOpen()
	needFunc("OnClientConnect", f == nil)
	cl.onCome = f
}

// OnClientDisconnect is OnClientConnect for clients that have gone.
func (cl *Client) OnClientDisconnect(f func(p Presence)) {
	cl.mustBeOpen()
	needFunc("OnClientDisconnect", f == nil)
	cl.onGo = f
}

// OnClientRename is OnClientConnect for clients whose name has changed from old to p.Name. Either name may
// be empty. p has no groups.
func (cl *Client) OnClientRename(f func(old string, p Presence)) {
	cl.mustBeOpen()
	needFunc("OnClientRename", f == nil)
	cl.onNamed = f
}

// Connect connects, and returns when the server has welcomed the client. ctx and
// [ClientOptions.ConnectTimeout] bound the attempt, not the connection; the values of ctx are passed to
// handlers. It fails with an error whose cause is the dialer's error, or
// with the server's reason for refusing, for which [IsRemote] reports true. With [Retry].First it
// tries until ctx ends, and then returns the error of ctx. After a Connect that has succeeded the client comes back by
// itself, as [ClientOptions.Retry] says. After the client has ended for good Connect may be called again: the
// client joins anew. While the client is connected or connecting, Connect fails with [CodeUnsupported].
func (cl *Client) Connect(ctx context.Context) error {
	if cl.dialer == nil {
		return NewError(CodeUnsupported, "the client has no dialer")
	}
	ctx = given(ctx)
	attempt, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	last, err := cl.beginConnect(giveUp)
	if err != nil {
		return err
	}
	cam := &campaign{base: context.WithoutCancel(ctx), pace: cl.newPace(), ended: make(chan struct{})}
	h := cl.newHerald(last)
	n, err := cl.first(attempt, cam.pace, h)
	cl.mu.Lock()
	defer cl.mu.Unlock()
	cl.connecting = nil
	if err != nil {
		if attempt.Err() != nil && ctx.Err() == nil {
			err = context.Cause(attempt)
		}
		if cl.opts.Retry.First {
			h.tell(StateDisconnected, err)
		}
		return err
	}
	c, as := cl.adoptLocked(cam, n), StateConnected
	switch s := cl.parked; {
	case s == nil:
	case n.welcome.Resumed:
		c.unpark(s, n.welcome.Received)
		as = StateResumed
	default:
		cl.lost = s.Out
	}
	n.lost, cl.lost = cl.lost, nil
	cl.conn, cl.final, cl.parked = c, nil, nil
	go cl.start(c, n, h.before, as)
	return nil
}

// beginConnect notes a Connect, which giveUp ends. It returns the connection before, or nil if there was none.
func (cl *Client) beginConnect(giveUp context.CancelCauseFunc) (last *Conn, err error) {
	cl.mu.Lock()
	defer cl.mu.Unlock()
	if cl.connecting != nil || cl.conn != nil && !cl.conn.isEnded() {
		return nil, NewError(CodeUnsupported, "the client is connected or connecting already")
	}
	cl.freeze()
	cl.connecting, cl.closing = giveUp, false
	return cl.conn, nil
}

// current returns the connection or the last one. It fails before the first.
func (cl *Client) current() (*Conn, error) {
	cl.mu.Lock()
	c := cl.conn
	cl.mu.Unlock()
	if c == nil {
		return nil, NewError(CodeNotConnected, "the client has not connected")
	}
	return c, nil
}

// Conn returns the connection to the server, or the last one, or nil before the first.
func (cl *Client) Conn() *Conn {
	c, _ := cl.current()
	return c
}

// Send is [Conn.Send] to the server.
func (cl *Client) Send(command string, v any, opts ...SendOption) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	return c.Send(command, v, opts...)
}

// SendBytes is [Conn.SendBytes] to the server.
func (cl *Client) SendBytes(command string, payload []byte, opts ...SendOption) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	return c.SendBytes(command, payload, opts...)
}

// SendRaw is [Conn.SendRaw] to the server.
func (cl *Client) SendRaw(payload []byte, opts ...SendOption) error {
	c, err := cl.current()
	if err != nil {
		return err
	}
	return c.SendRaw(payload, opts...)
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

func (cl *Client) codec() convert.Codec { return cl.cfg.codec }

// Name is the client's name: before the client has connected the name in its options, and then the name that it has at
// the server.
func (cl *Client) Name() string {
	if c := cl.Conn(); c != nil {
		return c.Name()
	}
	return cl.opts.Name
}

// Groups returns the groups that the client is in, sorted. The caller owns the slice.
func (cl *Client) Groups() []string {
	if c := cl.Conn(); c != nil {
		return c.Groups()
	}
	return nil
}

// Done returns a channel that is closed when the client has ended for good and its handlers have returned. A client ends
// for good if it is closed, if the server ends or refuses it with an error after which it does not come back, or if it
// gives up coming back; see [Retry]. If there never was a connection the channel is closed already.
func (cl *Client) Done() <-chan struct{} {
	if c := cl.Conn(); c != nil {
		return c.eng.campaign.ended
	}
	ch := make(chan struct{})
	close(ch)
	return ch
}

// Err returns an [Error]: why the connection ended, or why the client gave up coming back. It is
// nil before the first connection, while there is a connection, and while the connection may be resumed.
func (cl *Client) Err() error {
	cl.mu.Lock()
	c, final := cl.conn, cl.final
	cl.mu.Unlock()
	if c == nil || final != nil {
		return final
	}
	return c.Err()
}

// Close ends the client: it sends the frames that are queued, then a goodbye, and closes the stream, which takes
// at most [ClientOptions.CloseTimeout]. A handler may call it: Close does not wait for handlers to return;
// [Client.Done] tells when they have. A Connect under way fails with [CodeClosed].
//
// Close returns nil if all that was sent has arrived, or if the connection had ended before. Otherwise it returns an
// [Error] that says how many commands and raw messages may not have arrived: [CodeDeadlineExceeded] if
// CloseTimeout was too short, and [CodeConnLost] if the client was away. The logger is told too, and
// [Client.OnUndelivered] gets the messages. Close may be called again, and returns the same.
func (cl *Client) Close() error {
	for {
		cl.mu.Lock()
		c, giveUp := cl.conn, cl.connecting
		cl.closing = true
		cl.mu.Unlock()
		if giveUp != nil {
			giveUp(NewError(CodeClosed, "the client was closed while it connected"))
		}
		if c == nil {
			return nil
		}
		c.Close()
		err := c.awaitClosed()
		if cl.Conn() == c { // else it has just come back
			return err
		}
	}
}

// newEngine returns the engine of a connection that begins with the welcome w.
func (cl *Client) newEngine(w *wire.Welcome) *engine {
	cfg := cl.cfg
	cfg.heartbeat = w.Heartbeat
	cfg.maxGroups = peerMaxGroups(w.MaxGroups)
	return &engine{
		config:   cfg,
		owner:    cl,
		handlers: &cl.handlers,
		counters: &cl.counters,
		outboxes: outbox.Common{Dropped: &cl.counters.dropped, Gather: true},
		manual:   cl.manual,
		sweep:    newSweeper(sweepPeriod(cfg.heartbeat, cfg.writeTimeout)),
		book:     &cl.book,
	}
}

// A client needs no admission slot for its connection, and keeps it in no index.
func (cl *Client) mayWait(*Conn) bool { return true }
func (cl *Client) waited(*Conn)       {}
func (cl *Client) ended(*Conn)        {}
func (cl *Client) noticesFit(*Conn)   {} // it sends none

func (cl *Client) tell(s State, why error) {
	if cl.onState == nil {
		return
	}
	defer (&engine{config: cl.cfg}).recover(nil, "state handler")
	cl.onState(s, why)
}
