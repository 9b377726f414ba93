package core

import (
	"context"

	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// dial connects and shakes hands. It returns a connection that nobody reads yet, and what
// has been read behind the welcome.
func (cl *Client) dial(ctx context.Context) (*Conn, *reader, error) {
	hello, peer, err := cl.hello()
	if err != nil {
		return nil, nil, err
	}
	stream, err := cl.dialer.Dial(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		return nil, nil, wrapError(CodeNotConnected, "", err)
	}
	// Whatever blocks below ends when ctx does.
	stop := context.AfterFunc(ctx, func() { stream.Close() })
	rd := &reader{}
	var w *wire.Welcome
	if peer != nil {
		w, err = cl.shakeClassic(stream, hello)
	} else {
		w, err = shake(stream, rd, hello, cl.cfg.maxFrame)
	}
	if !stop() || err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		rd.release()
		if peer != nil {
			leaveClassic(stream)
		}
		stream.Close() //nolint:errcheck // it failed already
		return nil, nil, err
	}
	eng := cl.engine(w)
	c := newConn(context.WithoutCancel(ctx), eng, cl.lastID, stream)
	c.classic = peer
	c.name, c.addr = w.Name, w.Addr
	for _, g := range w.Groups {
		c.setGroup(g, true)
	}
	c.peerMaxFrame = peerMaxFrame(w.MaxFrame)
	if w.MaxCommand > 0 {
		c.peerMaxCommand = int(min(w.MaxCommand, maxPeerFrame))
	}
	eng.sweep.add(c, w.Heartbeat)
	return c, rd, nil
}

// hello returns the bytes with which the client opens, and the other protocol if they are
// of that.
func (cl *Client) hello() ([]byte, *classicPeer, error) {
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
	return wire.AppendHello([]byte(wire.Preface), &wire.Hello{
		Name: cl.opts.Name, Groups: cl.opts.Groups, Auth: cl.opts.Auth, Metadata: cl.opts.Metadata,
		Notices: cl.onCome != nil || cl.onGo != nil, MaxFrame: uint64(cl.cfg.maxFrame),
	}), nil, nil
}

// shake sends the hello and reads the answer.
func shake(stream transport.Conn, rd *reader, hello []byte, maxFrame int) (*wire.Welcome, error) {
	_, writeErr := stream.Write(hello) // a server may refuse before it has read all of it
	f, err := readFrame(stream, rd, maxFrame)
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
		return nil, remoteError(no.Code, no.Reason, no.RetryAfter)
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
