package core

import (
	"context"

	"github.com/hisock/hisock/core/internal/convert"
	"github.com/hisock/hisock/core/wire"
)

// A Caller is somebody to call: a [Conn], a [Client] or a [User].
type Caller interface {
	// CallBytes calls command with payload and returns the answer, which the caller owns.
	CallBytes(ctx context.Context, command string, payload []byte) ([]byte, error)

	codec() convert.Codec
}

func (c *Conn) codec() convert.Codec { return c.eng.codec }

// CallBytes calls command at the peer and returns what its handler returned; the caller owns
// it. If the queue to the peer is full it waits for room. It does not keep payload.
//
// When ctx ends first, the peer is told and the error is that of ctx. Otherwise an error is an
// [Error]: for what the handler returned [IsRemote] reports true; [CodeConnLost] or
// the reason for which the connection ended means that the handler may have run or not.
func (c *Conn) CallBytes(ctx context.Context, command string, payload []byte) ([]byte, error) {
	send := c.eng.handlers.send
	if send == nil {
		return c.call(ctx, command, payload)
	}
	var reply []byte
	err := send(&Outgoing{Frame: Frame{KindCall, command, payload}, To: c, send: func(o *Outgoing) (err error) {
		reply, err = c.call(ctx, o.Command, o.Payload)
		return err
	}})
	return reply, err
}

func (c *Conn) call(ctx context.Context, command string, payload []byte) ([]byte, error) {
	if hasLegacy && !c.can.Calls {
		return nil, errNoCalls
	}
	if err := c.checkSent(command); err != nil {
		return nil, err
	}
	return c.ask(ctx, wire.KindRequest, command, payload)
}

// ask sends a frame that is answered under its id, and waits for the answer.
func (c *Conn) ask(ctx context.Context, k wire.Kind, name string, payload []byte) ([]byte, error) {
	ctx = given(ctx)
	if ctx.Err() != nil {
		return nil, c.waitError(ctx)
	}
	w, id, ended := c.calls.add(k)
	if ended != nil {
		return nil, ended
	}
	if hasStandstill {
		if w, ok := c.waitOf(ctx, id); ok {
			c.waits.Begin(w)
			defer c.waits.End(id)
			c.eng.sweep.busy(c)
		}
	}
	if err := c.sendAsking(ctx, k, id, name, payload); err != nil {
		c.calls.take(id)
		return nil, err
	}
	if !c.awaitReply(ctx, w, id) {
		return nil, c.waitError(ctx)
	}
	if w.err != nil {
		return nil, w.err
	}
	return w.reply, nil
}

// awaitReply waits for the answer. It reports false if ctx ended first; then the peer has
// been told.
func (c *Conn) awaitReply(ctx context.Context, w *call, id uint64) bool {
	if c.beginAsking(ctx) {
		defer c.endAsking()
	}
	select {
	case <-w.ready:
		return true
	case <-ctx.Done():
	}
	if c.calls.take(id) == nil {
		<-w.ready // it is being answered at this moment
		return true
	}
	c.sendOwn(wire.AppendCancel(nil, id)) //nolint:errcheck // then it is over anyway
	return false
}

// sendAsking queues a frame that is answered, waiting for room if it must.
func (c *Conn) sendAsking(ctx context.Context, k wire.Kind, id uint64, name string, payload []byte) error {
	n := wire.RequestSize(id, name, len(payload)) // an ask is as long as a request without a payload
	if err := c.fits(n); err != nil {
		return err
	}
	dst, err := c.beginWaiting(ctx, handlerConn(ctx), n, 0)
	if err != nil {
		return err
	}
	c.out.Commit(wire.AppendAnswered(dst, k, id, name, payload))
	return nil
}

func (c *Conn) gotReply(body []byte) error {
	id, payload, err := wire.ParseReply(body)
	if err != nil {
		return err
	}
	if w := c.calls.take(id); w != nil { // else it was given up
		w.reply = append(make([]byte, 0, len(payload)), payload...)
		w.ready <- struct{}{}
	}
	return nil
}

func (c *Conn) gotFailure(body []byte) error {
	id, why, err := wire.ParseFailure(body)
	if err != nil {
		return err
	}
	if w := c.calls.take(id); w != nil {
		w.err = fromPeer(why, c.eng.codec)
		w.ready <- struct{}{}
	}
	return nil
}
