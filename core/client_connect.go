package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/groupset"
	"github.com/hisock/hisock/core/internal/pace"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A welcomed is a stream over which the server has welcomed the client.
type welcomed struct {
	stream  transport.Conn
	rd      *reader     // holds the bytes that were read after the welcome
	peer    *legacyPeer // nil for a native server
	welcome *wire.Welcome
	took    time.Duration // from dialing to the welcome
	wish    *wish         // what the hello has asked for, and what the client is still to ask for
	lost    []byte        // frames of a session that the client could not go on with
}

// attemptOnce makes one attempt to connect. last is the connection before, or nil. With resume the attempt is to resume
// last. After AuthFunc has returned it may take as long as p says. If ConnectTimeout is off, the only attempt of a
// Connect without Retry.First is bounded by ctx alone.
func (cl *Client) attemptOnce(ctx context.Context, last *Conn, resume bool, p *pace.Pace) (*welcomed, error) {
	h, w, err := cl.helloFor(ctx, last, resume)
	if err != nil {
		return nil, err
	}
	hello, peer, err := cl.hello(h)
	if err != nil {
		return nil, err
	}
	begun, bounded := time.Now(), ctx
	most := p.Attempt(begun)
	if last != nil || cl.opts.Retry.First || cl.opts.ConnectTimeout > 0 {
		var stop func()
		bounded, stop = within(ctx, most)
		defer stop()
	}
	n, err := cl.dial(bounded, hello, peer)
	if err != nil && len(h.Positions) > 0 && cannotRead(err) { // try once more without positions
		h.Positions = nil
		if hello, peer, err = cl.hello(h); err == nil {
			n, err = cl.dial(bounded, hello, peer)
		}
	}
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		err = wrapError(CodeDeadlineExceeded, "the server did not answer within "+most.String(), context.DeadlineExceeded)
	}
	if last == nil && cl.giveUpParked(n, err) {
		return cl.attemptOnce(ctx, nil, false, p)
	}
	if err == nil {
		n.took, n.wish = time.Since(begun), w
	}
	return n, err
}

// cannotRead reports whether a server may have refused a hello because it is too long or has a name that the server
// does not take.
func cannotRead(err error) bool {
	code := CodeOf(err)
	return IsRemote(err) && (code == CodeTooBig || code == CodeBadName)
}

// giveUpParked gives up the session that Connect was to go on with, if the attempt has shown that the
// session is over. It reports whether it has given the session up.
func (cl *Client) giveUpParked(n *welcomed, err error) bool {
	s := cl.parked
	switch {
	case s == nil:
		return false
	case err != nil:
		if CodeOf(err) != CodeSessionOver {
			return false
		}
	case !n.welcome.Resumed || fits(s, n.welcome.Received):
		return false
	default:
		n.leave() // the server says that it has received frames that were not sent
	}
	cl.parked, cl.lost = nil, s.Out
	return true
}

// within is [context.WithTimeout], which would add 4 KB to a browser build.
//
//go:noinline
func within(ctx context.Context, most time.Duration) (bounded context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	t := time.AfterFunc(most, func() { cancel(context.DeadlineExceeded) })
	return ctx, func() { t.Stop(); cancel(nil) }
}

// dial dials, and shakes hands over the stream.
func (cl *Client) dial(ctx context.Context, hello []byte, peer *legacyPeer) (*welcomed, error) {
	stream, err := cl.dialer.Dial(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, wrapError(CodeNotConnected, "", err)
	}
	// All that blocks below ends when ctx does.
	stop := context.AfterFunc(ctx, func() { stream.Close() })
	n := &welcomed{stream: stream, rd: &reader{}, peer: peer}
	err = peer.shake(cl, n, hello)
	if !stop() || err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		n.drop()
		return nil, err
	}
	return n, nil
}

// drop closes the stream at once, without a goodbye.
func (n *welcomed) drop() {
	n.rd.release()
	n.stream.Close() //nolint:errcheck // it is of no use
}

// adoptLocked makes a connection of the stream. Nobody reads the connection yet.
func (cl *Client) adoptLocked(cam *campaign, n *welcomed) *Conn {
	w := n.welcome
	cl.lastID++
	eng := cl.newEngine(w)
	eng.campaign = cam
	cam.pace.Up(n.took)
	c := newConn(cam.base, eng, cl.lastID, n.stream)
	c.speak(n.peer)
	c.who.SetName(w.Name)
	c.who.SetAddr(w.Addr)
	c.atClient = &clientPart{wish: n.wish, refused: w.Refused}
	if !w.Resumed { // else the session has its groups
		c.enter(w.Groups)
	}
	cam.plain = false
	c.peer.maxFrame = peerMaxFrame(w.MaxFrame)
	if len(w.Token) > 0 && !cl.opts.Retry.Off {
		c.sess.Open(session.Credentials{ID: w.Session, Token: w.Token, AckBytes: w.AckBytes, KeptFor: w.ResumeTime}, true)
		cam.pace.Mix(w.Token)
		c.out.Keep()
	}
	if w.MaxCommand > 0 {
		c.peer.maxCommand = int(min(w.MaxCommand, maxPeerFrame))
	}
	eng.sweep.add(c, w.Heartbeat)
	return c
}

// enter notes the groups of a welcome, and which of them the hello has not asked for.
func (c *Conn) enter(groups []string) {
	var asked groupset.Set
	for _, g := range c.atClient.wish.groups {
		asked.Add(g, -1)
	}
	for _, g := range groups {
		c.who.AddGroup(g, -1)
		if !asked.Has(g) {
			c.atClient.wish.given.Add(g, -1)
		}
	}
}

// start runs a connection, and tells the program the state as. before is closed when the program has been
// told all earlier states, or nil.
func (cl *Client) start(c *Conn, n *welcomed, before <-chan struct{}, as State) {
	c.eng.sweep.start()
	c.serve(n.rd, before, func() {
		if !n.welcome.Resumed {
			cl.book.Connected() // only now have the last frames of the connection before been handled
		}
		c.handBackParked(n.lost)
		cl.tell(as, nil)
		cl.askLater(c)
		if cl.wantsNotices() && !n.welcome.Notices {
			c.eng.faultOf(c, "the server gives this client no notices", errNoNotices)
		}
	})
}

// shake sends a native hello and reads the answer.
func shake(stream transport.Conn, rd *reader, hello []byte, cfg *config) (*wire.Welcome, error) {
	_, writeErr := stream.Write(hello) // a server may refuse before it has read all of it
	f, err := readFrame(stream, rd, cfg.maxFrame)
	if err != nil {
		if answeredHTTP(rd) {
			return nil, NewError(CodeNotNative, "the server answers in HTTP: is this its WebSocket port?")
		}
		return nil, mayBeLegacy(rd, shakeError(err, writeErr), err)
	}
	switch f.Kind {
	case wire.KindWelcome:
		w, err := wire.ParseWelcome(f.Body, &peerLimits)
		if err != nil {
			return nil, wireError(err)
		}
		if w.Version != wire.Version {
			return nil, NewError(CodeVersion, "the server speaks another version of the protocol")
		}
		if most := peerMaxGroups(w.MaxGroups); len(w.Groups) > most {
			return nil, tooManyGroups(most)
		}
		if len(w.Token) > 0 && !w.Resumed {
			// The server keeps the session only once an ack has come. So the ack is the first frame: the
			// session should be kept from the moment on at which Connect returns.
			stream.Write(wire.AppendAck(nil, 0)) //nolint:errcheck // the reader will find out
		}
		return w, nil
	case wire.KindRefuse:
		no, err := wire.ParseRefuse(f.Body)
		if err != nil {
			return nil, wireError(err)
		}
		return nil, fromPeer(no, cfg.codec)
	}
	return nil, mayBeLegacy(rd, NewError(CodeProtocol, "a "+f.Kind.String()+" frame instead of a welcome"), nil)
}

func shakeError(err, writeErr error) *Error {
	if e, ok := find[*Error](err); ok {
		return e
	}
	if writeErr != nil {
		err = writeErr
	}
	return handshakeError(err)
}

// answeredHTTP reports whether the server answered the hello with HTTP.
func answeredHTTP(rd *reader) bool {
	const http = "HTTP/"
	n := min(rd.w, len(http))
	return n >= 2 && string(rd.buf[:n]) == http[:n]
}
