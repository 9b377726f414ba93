package core

import (
	"context"
	"iter"

	"github.com/hisock/hisock/core/internal/convert"
	"github.com/hisock/hisock/core/wire"
)

type codec = convert.Codec

// HandleStream registers f as the handler of a stream with that name. f sends items with send, and returns when it has
// sent all. In and Out are converted as [On] says.
//
//	core.HandleStream(srv, "ticks", func(ctx context.Context, c *core.Conn, symbol string, send func(Tick) error) error {
//		for tick := range market.Ticks(ctx, symbol) {
//			if err := send(tick); err != nil {
//				return err
//			}
//		}
//		return nil
//	})
//
// send waits while the other end's program does not take the items, within the window: see [Limits].StreamWindow and StreamGrowth. It
// fails with a [StreamError] when the stream has ended, and ctx ends then, too. Several goroutines may send at once.
// The other end gets the error of f, as with [Handle], after all the items.
//
// Each stream runs on a goroutine of its own, also with [ServerOptions.Manual]: later frames of the connection do not
// wait for it, and it does not wait for earlier handlers. [Limits].MaxStreams bounds the streams of a connection that
// run. Middleware and [Access].AuthorizeCommand see a stream as one [Frame] of [KindStream], when it is opened. A
// stream may have the same name as a command or a call.
func HandleStream[In, Out any](r Registrar, name string, f func(ctx context.Context, c *Conn, in In, send func(Out) error) error, opts ...HandlerOption) {
	needFunc("HandleStream "+name, f == nil)
	hs := r.registrar()
	handleStream(hs, name, streamKind{}, func(ctx context.Context, c *Conn, e *streamEnd, in In) error {
		return f(ctx, c, in, sendTo[Out](e, hs.conv))
	}, opts)
}

// HandleUpload registers f as the handler of a stream in which the other end sends items and f returns one answer.
// items yields the items as they come. If the other end does not send all, items yields an error at last, and the
// answer of f is dropped. An f that returns before it has taken all items ends the stream: the other end has the answer
// and sends no more. An item of type []byte is valid until the next item is asked for. The rest is as in [HandleStream].
func HandleUpload[In, Item, Out any](r Registrar, name string, f func(ctx context.Context, c *Conn, in In, items iter.Seq2[Item, error]) (Out, error), opts ...HandlerOption) {
	needFunc("HandleUpload "+name, f == nil)
	hs := r.registrar()
	handleStream(hs, name, streamKind{}, func(ctx context.Context, c *Conn, e *streamEnd, in In) error {
		out, err := f(ctx, c, in, itemsOf[Item](e, hs.conv))
		if err != nil {
			return err
		}
		return sendTo[Out](e, hs.conv)(out)
	}, opts)
}

// HandleExchange registers f as the handler of a stream in which both ends send items: see [HandleStream] and
// [HandleUpload].
func HandleExchange[In, Item, Out any](r Registrar, name string, f func(ctx context.Context, c *Conn, in In, items iter.Seq2[Item, error], send func(Out) error) error, opts ...HandlerOption) {
	needFunc("HandleExchange "+name, f == nil)
	hs := r.registrar()
	handleStream(hs, name, streamKind{}, func(ctx context.Context, c *Conn, e *streamEnd, in In) error {
		return f(ctx, c, in, itemsOf[Item](e, hs.conv), sendTo[Out](e, hs.conv))
	}, opts)
}

// handleStream registers the handler of a stream of any kind.
func handleStream[In any](hs *handlers, name string, kind streamKind, f func(ctx context.Context, c *Conn, e *streamEnd, in In) error, opts []HandlerOption) {
	intake := convert.IntakeOf[In]()
	if browser {
		hs.streaming = newStreaming()
	}
	add(hs, &hs.streams, name, func(ctx context.Context, c *Conn, fr Frame) ([]byte, error) {
		in, err := taken(intake, c, hs.conv, fr.Payload)
		if err != nil {
			return nil, err
		}
		e, _ := ctx.Value(streamKey{}).(*streamEnd)
		if e == nil {
			return nil, NewError(CodeInternal, "the middleware has not passed the context on")
		}
		e.s.Begin(kind.bytes)
		return nil, f(ctx, c, e, in)
	}, opts)
}

// sendTo returns the function with which a handler sends items.
func sendTo[T any](e *streamEnd, codec convert.Codec) func(T) error {
	return func(v T) error {
		payload, err := encodeAnswer(codec, v)
		if err == nil {
			_, err = e.send(payload)
		}
		return err
	}
}

// itemsOf yields the items of the other end, and an error at last if there is one.
// It does not copy items: a copy takes as long as all other work for an item.
func itemsOf[T any](e *streamEnd, codec convert.Codec) iter.Seq2[T, error] {
	intake := convert.IntakeOf[T]()
	return func(yield func(T, error) bool) {
		for {
			item, err := e.next()
			if isEOF(err) {
				return
			}
			var v T
			if err == nil {
				v, err = taken(intake, nil, codec, item)
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// Stream opens a stream and yields the items that its handler sends. It yields an error at last unless the handler has
// sent all. in and the items are converted as [On] says. An item of type []byte is valid until the next item is asked for.
//
//	for tick, err := range core.Stream[Tick](ctx, client, "ticks", "ACME") {
//		if err != nil {
//			return err
//		}
//		show(tick)
//	}
//
// Each range opens a new stream. A break, a panic and the end of ctx end the stream at both ends. An error is a
// [StreamError] if the stream was opened. [IsRemote] reports true if the handler has returned the error. The other end
// sends at most the window ahead of the items that are taken here. A stream goes on over a resume, each item once and
// in order.
func Stream[Out any](ctx context.Context, to Streamer, name string, in any) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		var none Out
		e, err := openFor(ctx, to, name, in, streamKind{silent: true})
		if err != nil {
			yield(none, err)
			return
		}
		defer e.abandon()
		rangeOver(e, yield)
	}
}

// openFor converts an argument and opens a stream with it.
func openFor(ctx context.Context, to Streamer, name string, in any, kind streamKind) (*streamEnd, error) {
	if to == nil {
		return nil, NewError(CodeNotConnected, "there is nobody to open a stream to")
	}
	arg, err := encode(to.codec(), in)
	if err != nil {
		return nil, err
	}
	return to.openStream(ctx, name, arg, kind)
}

// rangeOver yields the items of a handler.
func rangeOver[Out any](e *streamEnd, yield func(Out, error) bool) {
	for v, err := range itemsOf[Out](e, e.eng.codec) {
		if !yield(v, blameless(err)) {
			return
		}
	}
}

// Upload opens a stream, sends the items and waits for the answer. The caller of Upload ranges over items, which are
// converted as [On] says.
//
//	total, err := core.Upload[int](ctx, client, "sum", nil, slices.Values(numbers))
//
// If items cannot come to their end, the iterator cancels ctx before it returns: the handler is told, and Upload fails
// with the error of ctx. The handler may answer before it has taken all items. Then Upload leaves items and returns the
// answer. Upload fails as [Call] does, with a [StreamError] if the stream was opened.
func Upload[Out, Item any](ctx context.Context, to Streamer, name string, in any, items iter.Seq[Item]) (Out, error) {
	var none Out
	e, err := openFor(ctx, to, name, in, streamKind{})
	if err != nil {
		return none, err
	}
	defer e.abandon()
	if err = e.sendAll(ctx, encodeEach(items, e.eng.codec)); err != nil {
		return none, err
	}
	answer, err := e.next()
	if isEOF(err) {
		err = NewError(CodeBadPayload, "the handler of the stream has not answered")
	}
	if err != nil {
		return none, err
	}
	out, err := decoded[Out](e.eng.codec, answer)
	return out, blameless(err)
}

// encodeEach yields the payloads of items, and an error at last if an item does not convert.
func encodeEach[Item any](items iter.Seq[Item], codec convert.Codec) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		if items == nil {
			return
		}
		for v := range items {
			payload, err := encode(codec, v)
			if !yield(payload, err) || err != nil {
				return
			}
		}
	}
}

// sendAll sends items until there are no more, or the other end takes no more. It fails if this end has failed to make
// more.
func (e *streamEnd) sendAll(ctx context.Context, items iter.Seq2[[]byte, error]) error {
	for payload, err := range items {
		if err != nil {
			e.fail(err)
			return err
		}
		if _, err = e.send(payload); err != nil {
			return nil // the caller's next read says why
		}
	}
	if ctx != nil && ctx.Err() != nil {
		e.cancel(ctx)
		return e.fault(ctx.Err())
	}
	e.s.Finish(wire.Goodbye{}, nil)
	return nil
}

// Exchange opens a stream in which both ends send items. It yields the items of the handler, as [Stream] does, and
// sends items meanwhile, as [Upload] does. The exchange is over when the handler has returned.
//
// items runs on a goroutine of its own, and is left at its next item once the exchange is over: an iterator that waits
// should also wait for ctx. A panic of items ends the stream.
func Exchange[Out, Item any](ctx context.Context, to Streamer, name string, in any, items iter.Seq[Item]) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		var none Out
		e, err := openFor(ctx, to, name, in, streamKind{})
		if err != nil {
			yield(none, err)
			return
		}
		defer e.abandon()
		go e.sendBeside(ctx, encodeEach(items, e.eng.codec))
		rangeOver(e, yield)
	}
}

// sendBeside is sendAll on a goroutine of its own.
func (e *streamEnd) sendBeside(ctx context.Context, items iter.Seq2[[]byte, error]) {
	defer func() {
		if v := recover(); v != nil {
			e.eng.logPanic(e.c, KindStream.String(), v)
			e.fail(errCrashed)
		}
	}()
	e.sendAll(ctx, items) //nolint:errcheck // the goroutine that ranges over the exchange is told
}
