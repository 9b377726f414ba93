package core

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/internal/stream"
	"github.com/hisock/hisock/core/wire"
)

// A StreamError is why a stream did not come to its end, and how far it came. An error of a stream that the other end
// has ended, or that has ended with its connection, is one; so is the error of a context that has ended.
// Counts are of items, and of bytes of a [ByteStream].
type StreamError struct {
	// Err is the reason: an [Error], or the error of a context. [CodeOf], [IsRemote], [errors.Is] and [errors.As] find it.
	Err error

	// Taken is how many this end's program has taken.
	Taken uint64

	// Sent is how many this end's program has sent, and Delivered how many of these the other end is known to
	// have received: it may have received up to Sent, and its program may have taken fewer.
	Sent, Delivered uint64
}

func (e *StreamError) Error() string {
	return e.Err.Error() + " (stream: " + strconv.FormatUint(e.Taken, 10) + " taken, " +
		strconv.FormatUint(e.Sent, 10) + " sent, " + strconv.FormatUint(e.Delivered, 10) + " delivered)"
}

// Unwrap returns the reason.
func (e *StreamError) Unwrap() error { return e.Err }

// A streamTable is what a connection has once there has been a stream.
type streamTable struct {
	stream.Table
	opening lock.Mutex[lock.StreamOpening] // held while a stream of this side gets its id and its frame is queued
	reach   *streaming                     // nil but in a browser build
}

// A streamOwner is told that streams have something to write.
type streamOwner Conn

func (o *streamOwner) Ready(urgent bool) { (*Conn)(o).out.Offer(urgent) }

// theStreams returns the streams of the connection.
func (c *Conn) theStreams() *streamTable {
	if t := c.streams.Load(); t != nil {
		return t
	}
	t := new(streamTable)
	if browser {
		t.reach = newStreaming()
	}
	t.Init(stream.Limits{
		Window: c.eng.streamWindow, MaxItem: c.eng.maxItem, Most: c.eng.maxStreams, Flight: c.eng.queueBytes / 2,
	}, c.server, c.eng.budget, (*streamOwner)(c))
	if !c.streams.CompareAndSwap(nil, t) {
		return c.streams.Load()
	}
	if c.isEnded() { // whoever has ended it may not have seen them
		t.End(c.closedError())
	}
	return t
}

// endAll is endStreams.
func (c *Conn) endAll() {
	if t := c.streams.Load(); t != nil {
		t.End(c.closedError())
	}
}

// streamsOpen is how many streams the connection has.
func (c *Conn) streamsOpen() int {
	if t := c.streams.Load(); t != nil {
		return t.Len()
	}
	return 0
}

// fetch is feed.
func (c *Conn) fetch() (bufs [][]byte, link any) {
	room := c.out.FeedRoom()
	p := c.theStreams().Pull(room, time.Now())
	return c.out.Feed(p.Pieces, p.Counts, p.Next, p.Probe, p.First)
}

// A streamKind says what a stream carries.
type streamKind struct {
	silent bool // its opener sends nothing
	bytes  bool // it carries bytes, and not items
}

// A Streamer is somebody to open streams to: a [Conn] or a [Client].
type Streamer interface {
	openStream(ctx context.Context, name string, arg []byte, kind streamKind) (*streamEnd, error)
	codec() codec
}

// A streamEnd is this end of a stream.
type streamEnd struct {
	c    *Conn
	s    *stream.Stream
	own  *Conn       // the connection whose handler has opened it; nil for none
	stop func() bool // ends the watch on the context of the opener; nil without one
}

func (cl *Client) openStream(ctx context.Context, name string, arg []byte, kind streamKind) (*streamEnd, error) {
	c, err := cl.current()
	if err != nil {
		return nil, err
	}
	return c.openStream(ctx, name, arg, kind)
}

// openStream opens a stream. If the queue to the peer is full it waits for room.
func (c *Conn) openStream(ctx context.Context, name string, arg []byte, kind streamKind) (*streamEnd, error) {
	send := c.eng.handlers.send
	if send == nil {
		return c.open(ctx, name, arg, kind)
	}
	var e *streamEnd
	err := send(&Outgoing{Frame: Frame{KindStream, name, arg}, To: c, send: func(o *Outgoing) (err error) {
		e, err = c.open(ctx, o.Command, o.Payload, kind)
		return err
	}})
	if err == nil && e == nil {
		err = NewError(CodeCanceled, "the middleware has not opened the stream")
	}
	return e, err
}

var errNoStreams = &Error{Code: CodeUnsupported, Message: "the original's protocol has no streams"}

func (c *Conn) open(ctx context.Context, name string, arg []byte, kind streamKind) (*streamEnd, error) {
	if hasLegacy && !c.can.Native {
		return nil, errNoStreams
	}
	if err := c.checkSent(name); err != nil {
		return nil, err
	}
	ctx = given(ctx)
	if ctx.Err() != nil {
		return nil, c.waitError(ctx)
	}
	frame := wire.OpenStream{ID: 1 << 62, Window: uint64(c.eng.streamWindow), Silent: kind.silent, Name: []byte(name), Arg: arg}
	n := wire.StreamSize(&frame)
	if err := c.fits(n); err != nil {
		return nil, err
	}
	t, own := c.theStreams(), handlerConn(ctx)
	var s *stream.Stream
	var ended error
	err := c.awaitRoom(ctx, own, n, 0, func(as outbox.Class) *outbox.Refusal {
		t.opening.Lock()
		defer t.opening.Unlock()
		frame.ID = t.ID(c.calls.next())
		if s, ended = t.Open(frame.ID, kind.silent); ended != nil {
			return nil
		}
		s.Begin(kind.bytes)
		dst, no := c.out.Begin(n, as)
		if no != nil {
			s.Forget(errStreamOver)
			return no
		}
		c.out.Commit(wire.AppendStream(dst, &frame))
		return nil
	})
	if err == nil {
		err = ended
	}
	if err != nil {
		return nil, err
	}
	e := &streamEnd{c: c, s: s, own: own}
	if ctx.Done() != nil {
		e.stop = context.AfterFunc(ctx, func() { e.cancel(ctx) })
	}
	return e, nil
}

// next returns a number for a call or a stream that no other has.
func (t *callTable) next() uint64 {
	t.mu.Lock()
	t.lastID++
	id := t.lastID
	t.mu.Unlock()
	return id
}

var (
	errStreamOver   = &Error{Code: CodeClosed, Message: "the stream is over"}
	errStreamClosed = &Error{Code: CodeClosed, Message: "the stream was closed here"}
	errNotTaken     = &Error{Code: CodeClosed, Message: "no more is taken"}
	errGivenUp      = &Error{Code: CodeCanceled, Message: "the stream was given up"}
)

// cancel ends the stream since its context has ended.
func (e *streamEnd) cancel(ctx context.Context) {
	bye, _ := forPeer(packed(e.c.eng.codec, context.Cause(ctx)), e.c.peer.maxFrame)
	if _, ok := asCoded(context.Cause(ctx)); !ok { // not a stranger's error
		bye = wire.Goodbye{Code: CodeOf(ctx.Err())}
	}
	e.s.Abort(bye, ctx.Err())
}

// abandon ends the stream, unless it has come to its end. It may be called more than once.
func (e *streamEnd) abandon() {
	if e.stop != nil {
		e.stop()
	}
	e.s.Abort(wire.Goodbye{Code: CodeCanceled}, errGivenUp)
}

// fail ends the stream with an error of this side.
func (e *streamEnd) fail(err error) {
	bye, _ := forPeer(packed(e.c.eng.codec, err), e.c.peer.maxFrame)
	e.s.Abort(bye, err)
}

// fault is the error that the program is told, or [io.EOF] if why is nil.
func (e *streamEnd) fault(why error) error {
	if why == nil {
		return io.EOF
	}
	p := e.s.Progress()
	return &StreamError{Err: why, Taken: p.Taken, Sent: p.Sent, Delivered: p.Delivered}
}

// next returns the next item. It fails with [io.EOF] if the other end has sent all.
func (e *streamEnd) next() ([]byte, error) {
	for {
		item, st, err := e.s.TryNext()
		switch st {
		case stream.Done:
			return item, nil
		case stream.Ended:
			return nil, e.fault(err)
		}
		e.await(e.s.Readable())
	}
}

// send sends an item, or bytes. It returns how much of it was sent.
func (e *streamEnd) send(p []byte) (n int, err error) {
	if e.s.SendNow(p) {
		return len(p), nil
	}
	it := stream.Item{Rest: p}
	for {
		st, err := e.s.TrySend(&it)
		switch st {
		case stream.Done:
			return len(p), nil
		case stream.Ended:
			if err == nil {
				err = errStreamClosed
			}
			return len(p) - len(it.Rest), e.fault(err)
		}
		e.await(e.s.Writable())
	}
}

// await waits for the other end.
func (e *streamEnd) await(ch <-chan struct{}) {
	if e.own != nil {
		yield(e.own)
		if e.own == e.c {
			e.c.progress.asking.Add(1)
			defer e.c.endAsking()
		}
	}
	<-ch
}

// finish says that this side has sent all, and waits until that is on its way or never will be.
func (e *streamEnd) finish() {
	e.s.Finish(wire.Goodbye{}, nil)
	e.await(e.s.Drained())
}

// A streamContext is the context of a handler of a stream. It is that of no handler which has the turn: when it waits
// there is no reading to hand over.
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
	e := &streamEnd{c: c, s: s}
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
	c.sendOwn(wire.AppendStreamEnd(nil, id, bye)) //nolint:errcheck // then it is over anyway
}

// serveStream runs the handler of a stream, and ends the stream with what it returns.
func (c *Conn) serveStream(ctx context.Context, e *streamEnd, h *handler, f Frame) {
	err := error(errCrashed) // if it ends its goroutine
	defer func() {
		c.endServedStream(e, f.Command, err)
		<-e.s.Drained()
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
	over := e.s.Ended() // so that the error is of no interest to anybody
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

// streamFailed is the line of a log about a handler of a stream that failed, if the other end may not know why.
const streamFailed = "a handler of a stream failed"

// A streaming is how a browser build reaches the code of streams: it has that code only if its program opens a stream or
// handles one, since that is 28 KB. The native build does not ask for it.
type streaming struct {
	got      func(c *Conn, f wire.Frame) error
	pong     func(c *Conn, nonce uint64)
	feed     func(c *Conn) ([][]byte, any)
	end      func(c *Conn)
	relinked func(c *Conn)
	park     func(c *Conn) []uint64
}

func newStreaming() *streaming {
	return &streaming{(*Conn).gotFrame, (*Conn).gotProbe, (*Conn).fetch, (*Conn).endAll, (*Conn).relinkStreams, (*Conn).parkAll}
}

// streaming returns how to reach the code of streams, in a browser build whose program uses it.
func (c *Conn) streaming() *streaming {
	if t := c.streams.Load(); t != nil {
		return t.reach
	}
	return c.eng.handlers.streaming
}

// gotOfStream handles a frame of a stream.
func (c *Conn) gotOfStream(f wire.Frame) error {
	if !browser {
		return c.gotFrame(f)
	}
	if s := c.streaming(); s != nil {
		return s.got(c, f)
	}
	if f.Kind == wire.KindStream { // else the frame is of a stream that this side has refused
		o, err := wire.ParseStream(f.Body)
		if err != nil {
			return err
		}
		c.refuseStream(o.ID, unknownStream(string(o.Name)))
	}
	return nil
}

// gotPong notes an answer to a ping: of the queue, or of streams, which measure the path.
func (c *Conn) gotPong(nonce uint64) {
	switch {
	case nonce>>62 != 1:
		c.out.Answered(nonce)
	case !browser:
		c.gotProbe(nonce)
	default:
		if s := c.streaming(); s != nil {
			s.pong(c, nonce)
		}
	}
}

// feed fetches what streams have for a writer whose Take has returned a link alone.
func (c *Conn) feed() (bufs [][]byte, link any) {
	if !browser {
		return c.fetch()
	}
	return c.streaming().feed(c)
}

// endStreams ends all streams of a connection that has ended.
func (c *Conn) endStreams() {
	if !browser {
		c.endAll()
	} else if s := c.streaming(); s != nil {
		s.end(c)
	}
}

// resumeStreams lets the streams of a connection go on over another link.
func (c *Conn) resumeStreams() {
	if !browser {
		c.relinkStreams()
	} else if s := c.streaming(); s != nil {
		s.relinked(c)
	}
}

func (c *Conn) relinkStreams() {
	if t := c.streams.Load(); t != nil {
		t.Relinked()
	}
}

// parkStreams ends all streams of a session that goes on elsewhere, and returns the ids of the streams that are open.
func (c *Conn) parkStreams() []uint64 {
	if !browser {
		return c.parkAll()
	}
	if s := c.streaming(); s != nil {
		return s.park(c)
	}
	return nil
}

func (c *Conn) parkAll() []uint64 {
	t := c.streams.Load()
	if t == nil {
		return nil
	}
	ids := t.IDs()
	t.End(errDetached)
	return ids
}

// gotFrame is gotOfStream.
func (c *Conn) gotFrame(f wire.Frame) error {
	switch f.Kind {
	case wire.KindStream:
		return c.gotStream(f.Body)
	case wire.KindStreamItem:
		id, payload, err := wire.ParseStreamItem(f.Body)
		if err != nil {
			return err
		}
		return c.gotStreamItem(id, payload, true)
	case wire.KindStreamPart:
		id, payload, err := wire.ParseStreamPart(f.Body)
		if err != nil {
			return err
		}
		return c.gotStreamItem(id, payload, false)
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

func (c *Conn) gotProbe(nonce uint64) {
	if t := c.streams.Load(); t != nil {
		t.Answered(nonce, time.Now())
	}
}

// gotStreamItem takes an item, or a part of one unless last is set.
func (c *Conn) gotStreamItem(id uint64, payload []byte, last bool) error {
	t := c.streams.Load()
	if t == nil {
		return nil
	}
	switch t.GotItem(id, payload, last) {
	case stream.Fault:
		return NewError(CodeProtocol, "a stream item without credit, or after the end")
	case stream.TooBig:
		if s := t.Find(id); s != nil {
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
	if s != nil && why != nil && !(done && bye.Code == CodeClosed) { // else the peer only takes no more
		s.EndHandler(why)
	}
	return nil
}

// isEOF reports whether the other end of a stream has sent all.
func isEOF(err error) bool { return errors.Is(err, io.EOF) }
