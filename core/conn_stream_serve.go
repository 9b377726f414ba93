package core

import (
	"context"
	"strconv"
	"time"

	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/internal/stream"
	"github.com/hisock/hisock/core/wire"
)

// A streamContext is the context of a handler of a stream. It hides the connection of a turn: the handler does not have the turn, so it
// has no reading to hand over when it waits.
type streamContext struct {
	context.Context
	end *streamEnd
}

type streamKey struct{}

func (s *streamContext) Value(key any) any {
	switch key {
	case streamKey{}:
		return s.end
	case connKey{}:
		return nil
	}
	return s.Context.Value(key)
}

// gotStream begins a stream of the peer.
func (c *Conn) gotStream(body []byte) error {
	o, err := wire.ParseStream(body)
	if err != nil {
		return err
	}
	s, v := c.theStreams().Accept(&o)
	switch v {
	case stream.Fault:
		return errStreamID
	case stream.TooMany:
		c.refuseStream(o.ID, errTooManyStreams)
		return nil
	case stream.Over:
		return nil
	}
	name := string(o.Name)
	h, why := c.streamHandler(name, len(o.Arg))
	if why != nil {
		s.Forget(why)
		s.Leave()
		c.refuseStream(o.ID, why)
		return nil
	}
	ctx, cancel := context.WithCancelCause(c.Context())
	s.Cancel = cancel
	e := &streamEnd{c: c, eng: c.eng, s: s}
	f := Frame{KindStream, name, append([]byte(nil), o.Arg...)}
	c.life.enter(1)
	go func() {
		defer c.exit()
		defer cancel(nil)
		c.serveStream(&streamContext{ctx, e}, e, h, f)
	}()
	return nil
}

var (
	errStreamID       = &Error{Code: CodeProtocol, Message: "a stream with an id that is not its side's, or was used before"}
	errTooManyStreams = NewError(CodeTooManyCalls, "too many streams are open")
)

// streamHandler returns the handler of a stream with that name and an argument of n bytes, or why there is none.
func (c *Conn) streamHandler(name string, n int) (*handler, *Error) {
	if c.eng.draining.Load() {
		return nil, errShuttingDown
	}
	h := c.eng.handlers.streams[name]
	if h == nil {
		if err := c.checkGot(name); err != nil {
			return nil, err
		}
		if h = c.eng.handlers.anyStream; h == nil {
			return nil, unknownStream(name)
		}
	}
	if n > h.maxPayload {
		return nil, h.tooBig(n)
	}
	return h, nil
}

func unknownStream(name string) *Error {
	return NewError(CodeUnknownCommand, "no handler for stream "+safe.Text(name))
}

// refuseStream tells the peer that its stream is not handled.
func (c *Conn) refuseStream(id uint64, why *Error) {
	bye, _ := forPeer(why, c.peer.maxFrame)
	c.sendOwn(wire.AppendStreamEnd(nil, id, bye)) //nolint:errcheck // it fails only if the connection ends
}

// serveStream runs the handler of a stream, and ends the stream with the handler's error.
func (c *Conn) serveStream(ctx context.Context, e *streamEnd, h *handler, f Frame) {
	err := error(errCrashed) // stays if the handler ends its goroutine
	defer func() {
		c.endServedStream(e, f.Command, err)
		<-e.s.Drained()
		e.release()
		e.s.Leave()
	}()
	_, err = c.invoke(ctx, h, f)
}

func (c *Conn) endServedStream(e *streamEnd, name string, err error) {
	if err == nil {
		e.s.Finish(wire.Goodbye{}, nil)
		e.s.Stop(wire.Goodbye{Code: CodeClosed, Reason: errNotTaken.Message}, errNotTaken)
		return
	}
	over := e.s.Ended() // then the stream had ended before the error
	why, left := forPeer(packed(c.eng.codec, err), c.peer.maxFrame)
	e.s.Finish(why, err)
	switch {
	case over:
	case isBlameless(err):
		c.eng.faultOf(c, streamFailed, wrapError(CodeInternal, "stream "+safe.Text(name), err), "command", name)
	case why.Code == CodeInternal && err != errCrashed:
		c.eng.log.warn(c, streamFailed, err, "command", name)
	}
	if left != nil {
		c.eng.faultOf(c, detailsNotSent, left, "command", name)
	}
}

// streamFailed is the message of the log about a failed handler of a stream, if the other end may not know the error.
const streamFailed = "a handler of a stream failed"

// gotFrame handles a frame of a stream. Only gotOfStream calls it: directly, or through streaming in a browser build.
func (c *Conn) gotFrame(rd *reader, f wire.Frame) error {
	switch f.Kind {
	case wire.KindStream:
		return c.gotStream(f.Body)
	case wire.KindStreamItem, wire.KindStreamPart:
		return c.gotItems(rd, f)
	case wire.KindStreamCredit:
		id, n, err := wire.ParseStreamCredit(f.Body)
		if err != nil {
			return err
		}
		return c.gotStreamCredit(id, n)
	}
	id, bye, err := wire.ParseStreamEnd(f.Body)
	if err != nil {
		return err
	}
	return c.gotStreamEnd(id, bye)
}

// gotProbe passes an answer to a probe, or to another ping, to the streams.
func (c *Conn) gotProbe(nonce uint64) {
	t := c.streams.Load()
	switch {
	case t == nil:
	case isProbe(nonce):
		t.Answered(nonce, time.Now())
	default:
		t.Superseded()
	}
}

// gotItems handles an item or a part of an item, and the items and parts that follow in the buffer.
func (c *Conn) gotItems(rd *reader, f wire.Frame) error {
	t := c.streams.Load()
	if t == nil { // no stream has been opened
		_, _, err := stream.ParseItem(f)
		return err
	}
	var rest []byte
	if !hasCrowd || !c.guard.Counts() { // a guard that counts needs each frame by itself
		rest = rd.buf[rd.r:rd.w]
	}
	got, err := t.GotItems(f, rest, c.eng.maxFrame)
	if err != nil {
		return err
	}
	rd.r += got.Size
	rd.woken = rd.woken || got.Woken
	c.sess.SetReceived(c.sess.Received() + uint64(got.Frames))
	switch got.Verdict {
	case stream.Fault:
		return NewError(CodeProtocol, "a stream item without credit, or after the end")
	case stream.TooBig:
		if s := t.Find(got.ID); s != nil {
			why := NewError(CodeTooBig, "a stream item exceeds the limit "+strconv.Itoa(c.eng.maxItem)+" B")
			bye, _ := forPeer(why, c.peer.maxFrame)
			s.Abort(bye, why)
			s.EndHandler(why)
		}
	}
	return nil
}

func (c *Conn) gotStreamCredit(id, n uint64) error {
	if t := c.streams.Load(); t != nil && t.GotCredit(id, n) == stream.Fault {
		return NewError(CodeProtocol, "more stream credit than there may be")
	}
	return nil
}

func (c *Conn) gotStreamEnd(id uint64, bye wire.Goodbye) error {
	t := c.streams.Load()
	if t == nil {
		return nil
	}
	var why error
	if bye.Code != CodeNone {
		why = fromPeer(bye, c.eng.codec)
	}
	s, done, v := t.GotEnd(id, why)
	if v == stream.Fault {
		return NewError(CodeProtocol, "a second end of a stream, or one in an item")
	}
	switch {
	case s == nil || why == nil:
	case done && bye.Code == CodeClosed: // the peer only takes no more
		if s.Stopped != nil {
			s.Stopped()
		}
	default:
		s.EndHandler(why)
	}
	return nil
}
