package core

import (
	"context"

	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A newcomer is a stream over which a server has welcomed the client.
type newcomer struct {
	stream  transport.Conn
	rd      *reader // with what has been read behind the welcome
	peer    *classicPeer
	welcome *wire.Welcome
}

// dial connects and shakes hands. last is the connection to go on with, if any.
func (cl *Client) dial(ctx context.Context, last *Conn) (*newcomer, error) {
	hello, peer, err := cl.hello(last)
	if err != nil {
		return nil, err
	}
	stream, err := cl.dialer.Dial(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, wrapError(CodeNotConnected, "", err)
	}
	// Whatever blocks below ends when ctx does.
	stop := context.AfterFunc(ctx, func() { stream.Close() })
	n := &newcomer{stream: stream, rd: &reader{}, peer: peer}
	if peer != nil {
		n.welcome, err = cl.shakeClassic(stream, hello)
	} else {
		n.welcome, err = shake(stream, n.rd, hello, &cl.cfg)
	}
	if !stop() || err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		n.drop()
		return nil, err
	}
	return n, nil
}

// drop lets go of a stream that is not used.
func (n *newcomer) drop() {
	n.rd.release()
	if n.peer != nil {
		leaveClassic(n.stream)
	}
	n.stream.Close() //nolint:errcheck // it is of no use
}

// A run is what begins with a Connect and ends for good: one connection after the other.
type run struct {
	base  context.Context // the values that handlers are passed
	ended chan struct{}   // closed when it has ended
}

// adopt makes a connection of a newcomer, which joins anew. Nobody reads it yet.
func (cl *Client) adopt(r *run, n *newcomer, id uint64) *Conn {
	w := n.welcome
	eng := cl.engine(w)
	eng.run = r
	c := newConn(r.base, eng, id, n.stream)
	c.classic = n.peer
	c.name, c.addr = w.Name, w.Addr
	for _, g := range w.Groups {
		c.setGroup(g, true)
	}
	c.peerMaxFrame = peerMaxFrame(w.MaxFrame)
	if len(w.Token) > 0 && !cl.opts.Retry.Off {
		c.session = session{id: w.Session, token: w.Token, ackBytes: peerAckBytes(w.AckBytes)}
		c.out.keep.on = true
	}
	if w.MaxCommand > 0 {
		c.peerMaxCommand = int(min(w.MaxCommand, maxPeerFrame))
	}
	eng.sweep.add(c, w.Heartbeat)
	return c
}

// start lets a connection run that comes after last, which may be nil.
func (cl *Client) start(c *Conn, rd *reader, last *Conn) {
	c.eng.sweep.start()
	c.serve(rd, func() {
		if last != nil {
			<-last.Done() // its end is told before this beginning
		}
		cl.tell(c, StateConnected, nil)
		c.eng.begun.happen()
	})
}

// hello returns the bytes with which the client opens, and the other protocol if they are
// of that.
func (cl *Client) hello(last *Conn) ([]byte, *classicPeer, error) {
	if cl.opts.Name != "" {
		if err := checkName(cl.opts.Name, defaultMaxHello); err != nil {
			return nil, nil, err
		}
	}
	for _, g := range cl.opts.Groups {
		if err := checkName(g, defaultMaxHello); err != nil {
			return nil, nil, err
		}
	}
	if cl.opts.Classic != nil {
		return cl.helloClassic()
	}
	h := &wire.Hello{
		Name: cl.opts.Name, Groups: cl.opts.Groups, Auth: cl.opts.Auth, Metadata: cl.opts.Metadata,
		Notices: cl.onCome != nil || cl.onGo != nil || cl.onNamed != nil, MaxFrame: uint64(cl.cfg.maxFrame),
		Resume: !cl.opts.Retry.Off, AckBytes: uint64(ackAt(cl.cfg.queueBytes)),
	}
	if last != nil && last.token != nil {
		h.Session, h.Token, h.Received = last.session.id, last.token, last.received
	}
	return wire.AppendHello([]byte(wire.Preface), h), nil, nil
}

// shake sends the hello and reads the answer.
func shake(stream transport.Conn, rd *reader, hello []byte, cfg *config) (*wire.Welcome, error) {
	_, writeErr := stream.Write(hello) // a server may refuse before it has read all of it
	f, err := readFrame(stream, rd, cfg.maxFrame)
	if err != nil {
		if answeredHTTP(rd) {
			return nil, NewError(CodeNotNative, "the server answers in HTTP: is this its WebSocket port?")
		}
		return nil, shakeError(err, writeErr)
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
		return w, nil
	case wire.KindRefuse:
		no, err := wire.ParseRefuse(f.Body)
		if err != nil {
			return nil, wireError(err)
		}
		return nil, fromPeer(no, cfg.codec)
	}
	return nil, NewError(CodeProtocol, "a "+f.Kind.String()+" frame instead of a welcome")
}

func shakeError(err, writeErr error) error {
	if e, ok := find[*Error](err); ok {
		return e
	}
	if writeErr != nil {
		err = writeErr
	}
	return handshakeError(err)
}
