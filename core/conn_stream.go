package core

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/stream"
	"github.com/hisock/hisock/core/wire"
)

// A streamTable is made for a connection with its first stream.
type streamTable struct {
	stream.Table
	opening lock.Mutex[lock.StreamOpening] // held while a stream of this side gets its id and its frame is queued
	reach   *streaming                     // nil in the native build
}

// A streamOwner offers the frames of a connection's streams to its outbox.
type streamOwner Conn

func (o *streamOwner) Ready(when stream.When) {
	out := &(*Conn)(o).out
	if when == stream.Along {
		out.OfferAlong()
		return
	}
	out.Offer(when == stream.Now)
}

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
		Window: c.eng.streamWindow, Growth: c.eng.streamGrowth, MaxItem: c.eng.maxItem, Most: c.eng.maxStreams, Flight: c.eng.queueBytes / 2,
		Frame: c.peer.maxFrame,
	}, c.server, c.eng.budget, (*streamOwner)(c))
	if !c.streams.CompareAndSwap(nil, t) {
		return c.streams.Load()
	}
	c.eng.counters.streams.Add(&t.Table)
	if c.isEnded() { // the end may have missed the table
		c.endAll()
	}
	return t
}

// endAll ends all streams. Only endStreams calls it: directly, or through streaming in a browser build.
func (c *Conn) endAll() {
	if t := c.streams.Load(); t != nil {
		t.End(c.closedError())
		c.eng.counters.streams.Close(&t.Table)
	}
}

// streamsOpen returns the number of open streams of the connection.
func (c *Conn) streamsOpen() int {
	if t := c.streams.Load(); t != nil {
		return t.Len()
	}
	return 0
}

// fetch pulls frames of streams and feeds them to the outbox. Only feed calls it: directly, or through streaming in a browser build.
func (c *Conn) fetch() (bufs [][]byte, link any) {
	room := c.out.FeedRoom()
	p := c.theStreams().Pull(room, time.Now())
	return c.out.Feed(p.Pieces, p.Counts, p.Next, p.Probe, p.First)
}

// A streamKind is the kind of a stream.
type streamKind struct {
	silent bool // the opener sends nothing
	bytes  bool // the stream carries bytes, not items

	stopped func() // see [stream.Stream].Stopped; nil for none
}

// A Streamer opens streams to the other end: a [Conn], a [Client] or a [Remote].
type Streamer interface {
	openStream(ctx context.Context, name string, arg []byte, kind streamKind) (*streamEnd, error)
	codec() codec
}

// A streamEnd is this end of a stream.
type streamEnd struct {
	c    *Conn // nil if the other end is a client of another node
	eng  *engine
	s    *stream.Stream
	far  *atomic.Uint64 // what is known to have reached a client of another node, in items or bytes; nil for any other
	own  *Conn          // the connection whose handler has opened the stream; nil for none
	stop func() bool    // ends the watch on the context of the opener; nil without one

	in, out deadline      // the deadlines of a stream of bytes
	closing chan struct{} // has a token when a waiting finish is to try again; nil for items
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
	return openThrough(send, Outgoing{Frame: Frame{KindStream, name, arg}, To: c}, func(o *Outgoing) (*streamEnd, error) {
		return c.open(ctx, o.Command, o.Payload, kind)
	})
}

// openThrough has the middleware of sends open a stream.
func openThrough(send SendFunc, out Outgoing, open func(o *Outgoing) (*streamEnd, error)) (*streamEnd, error) {
	var e *streamEnd // the last stream that the middleware has opened
	out.send = func(o *Outgoing) error {
		opened, err := open(o)
		if err != nil {
			return err
		}
		if e != nil {
			e.abandon()
		}
		e = opened
		return nil
	}
	err := send(&out)
	switch {
	case err != nil && e != nil:
		e.abandon()
	case err == nil && e == nil:
		err = NewError(CodeCanceled, "the middleware has not opened the stream")
	}
	if err != nil {
		return nil, err
	}
	return e, nil
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
		s.Stopped = kind.stopped
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
	e := &streamEnd{c: c, eng: c.eng, s: s, own: own}
	if ctx.Done() != nil {
		e.stop = context.AfterFunc(ctx, func() { e.cancel(ctx) })
	}
	return e, nil
}

// next returns a new number for a call or a stream.
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

// cancel ends the stream because its context has ended.
func (e *streamEnd) cancel(ctx context.Context) {
	bye, _ := forPeer(packed(e.eng.codec, context.Cause(ctx)), e.maxFrame())
	if _, ok := asCoded(context.Cause(ctx)); !ok { // the peer does not see an error without a code
		bye = wire.Goodbye{Code: CodeOf(ctx.Err())}
	}
	e.s.Abort(bye, ctx.Err())
}

// abandon ends the stream if it has not ended. Further calls do nothing.
func (e *streamEnd) abandon() {
	e.release()
	e.s.Abort(wire.Goodbye{Code: CodeCanceled}, errGivenUp)
}

// collected is abandon for a stream that is garbage. Of a stream that is over it only frees the memory: it may belong to a
// bubble of testing/synctest, in which the goroutine of the collector may stop no timer and wake nobody.
func (e *streamEnd) collected() {
	if !e.s.Ended() {
		e.release()
	}
	e.s.Abort(wire.Goodbye{Code: CodeCanceled}, errGivenUp)
}

// maxFrame is the longest frame that the other end reads, in bytes.
func (e *streamEnd) maxFrame() int {
	if e.c == nil {
		return farFrame
	}
	return e.c.peer.maxFrame
}

// farFrame is the longest end of a stream to a client of another node, in bytes: it fits into each relay, with what the client's node adds.
const farFrame = MinRelayPart - 1024

// fail ends the stream with an error of this side.
func (e *streamEnd) fail(err error) {
	bye, _ := forPeer(packed(e.eng.codec, err), e.maxFrame())
	e.s.Abort(bye, err)
}

// fault returns why as the program's error, or [io.EOF] if why is nil.
func (e *streamEnd) fault(why error) error {
	if why == nil {
		return io.EOF
	}
	p := e.s.Progress()
	if e.far != nil {
		p.Delivered = min(e.far.Load(), p.Sent)
	}
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
		if e.in.passed() {
			return nil, e.fault(errLate)
		}
		e.await(e.s.Readable(), nil)
	}
}

// send sends an item, or bytes. It returns the number of bytes of p that it has sent.
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
		if e.out.passed() {
			e.s.Withdraw(&it)
			return len(p) - len(it.Rest), e.fault(errLate)
		}
		e.await(e.s.Writable(), nil)
	}
}

// await waits for the other end, until it can receive from ch or from or.
func (e *streamEnd) await(ch, or <-chan struct{}) {
	if e.own != nil {
		yield(e.own)
		if e.own == e.c {
			e.c.progress.asking.Add(1)
			defer e.c.endAsking()
		}
	}
	if or == nil { // a select costs more
		<-ch
		return
	}
	select {
	case <-ch:
	case <-or:
	}
}

// finish ends this side's direction, and waits until all is on its way or has been dropped. It fails if the deadline passes first. It does
// not fail if the other end takes no more and this side has sent nothing.
func (e *streamEnd) finish() error {
	e.s.Finish(wire.Goodbye{}, nil)
	drained := e.s.Drained()
	for {
		over := false
		select {
		case <-drained:
			over = true
		default:
		}
		if err := e.s.SendError(); err != nil || over {
			e.wakeCloser() // another finish may wait
			if CodeOf(err) == CodeClosed && IsRemote(err) && e.s.Progress().Sent == 0 {
				err = nil
			}
			return err
		}
		if e.out.passed() {
			e.wakeCloser()
			return errLate
		}
		e.await(drained, e.closing)
	}
}

func (e *streamEnd) wakeCloser() {
	select {
	case e.closing <- struct{}{}:
	default:
	}
}

// isEOF reports whether the other end of a stream has sent all.
func isEOF(err error) bool { return errors.Is(err, io.EOF) }
