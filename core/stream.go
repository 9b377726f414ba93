package core

import (
	"context"
	"iter"

	"github.com/hisock/hisock/core/internal/convert"
	"github.com/hisock/hisock/core/wire"
)

type codec = convert.Codec

// HandleStream registers f as the handler of a stream of that name, in which f sends items with send and returns when it
// has sent all. In and Out are converted as [On] says.
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
// send waits while the other end's program does not take what was sent: within the window, see [Limits].StreamWindow. It
// fails with a [StreamError] when the stream has ended, which ctx does then too. Several goroutines may send at once.
// An error that f returns is the other end's, as with [Handle], after all that was sent.
//
// Each stream runs on a goroutine of its own, also with [ServerOptions.Manual]: frames that follow on the connection do
// not wait for it, and it does not wait for handlers before it. [Limits].MaxStreams bounds how many run for a connection.
// Middleware and [Access].AuthorizeCommand see a stream as one [Frame] of [KindStream], when it is opened.
// Names of streams are apart from names of commands and calls.
func HandleStream[In, Out any](r Registrar, name string, f func(ctx context.Context, c *Conn, in In, send func(Out) error) error, opts ...HandlerOption) {
	needFunc("HandleStream "+name, f == nil)
	hs := r.registrar()
	handleStream(hs, name, streamKind{}, func(ctx context.Context, c *Conn, e *streamEnd, in In) error {
		return f(ctx, c, in, sendTo[Out](e, hs.conv))
	}, opts)
}

// HandleUpload registers f as the handler of a stream in which the other end sends items, and f returns one answer. items
// yields them as they come, and an error at last if the other end has not sent all: then f's answer is nobody's.
// An f that returns before it has taken all ends the stream: the other end has the answer and sends no more.
// What [HandleStream] says holds here.
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

// sendTo returns what a handler sends items with.
func sendTo[T any](e *streamEnd, codec convert.Codec) func(T) error {
	return func(v T) error {
		payload, err := encodeAnswer(codec, v)
		if err == nil {
			_, err = e.send(payload)
		}
		return err
	}
}

// itemsOf yields what the other end sends, and at last an error if there is one.
func itemsOf[T any](e *streamEnd, codec convert.Codec) iter.Seq2[T, error] {
	intake, copied := convert.IntakeOf[T](), isCopied[T]()
	return func(yield func(T, error) bool) {
		for {
			item, err := e.next()
			if isEOF(err) {
				return
			}
			var v T
			if err == nil {
				if !copied {
					own := make([]byte, len(item))
					copy(own, item)
					item = own
				}
				v, err = taken(intake, nil, codec, item)
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
	}
}

// isCopied reports whether a T refers to nothing of the payload that it was made of.
func isCopied[T any]() bool {
	switch any((*T)(nil)).(type) {
	case *string, *bool, *int, *int64, *int32, *uint64, *uint32, *float64, *float32, *struct{}:
		return true
	}
	return false
}

// Stream opens a stream and yields the items that the handler there sends, and at last an error, unless the handler has
// sent all. in and the items are converted as [On] says.
//
//	for tick, err := range core.Stream[Tick](ctx, client, "ticks", "ACME") {
//		if err != nil {
//			return err
//		}
//		show(tick)
//	}
//
// The stream is opened when it is ranged over, each time anew. A break, a panic and the end of ctx end it at both ends.
// An error is a [StreamError] if the stream was opened; [IsRemote] reports true if the handler has returned it.
// The other end sends no more than the window ahead of what is taken here. A stream goes on over a resume, each item
// once and in order.
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

// openFor opens a stream with an argument that is converted.
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

// rangeOver yields what a handler sends.
func rangeOver[Out any](e *streamEnd, yield func(Out, error) bool) {
	for v, err := range itemsOf[Out](e, e.c.eng.codec) {
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
// If items cannot come to their end, the end of ctx tells the handler so: an iterator that fails cancels the context
// before it returns, and Upload fails with the error of ctx. The handler may answer before it has taken all; then Upload
// leaves items and returns the answer. Upload fails as [Call] does, with a [StreamError] if the stream was opened.
func Upload[Out, Item any](ctx context.Context, to Streamer, name string, in any, items iter.Seq[Item]) (Out, error) {
	var none Out
	e, err := openFor(ctx, to, name, in, streamKind{})
	if err != nil {
		return none, err
	}
	defer e.abandon()
	if err = e.sendAll(ctx, encodeEach(items, e.c.eng.codec)); err != nil {
		return none, err
	}
	answer, err := e.next()
	if isEOF(err) {
		err = NewError(CodeBadPayload, "the handler of the stream has not answered")
	}
	if err != nil {
		return none, err
	}
	out, err := decoded[Out](e.c.eng.codec, answer)
	return out, blameless(err)
}

// encodeEach yields payloads of items, and at last an error if one does not convert.
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

// sendAll sends items until there are no more, or the other end takes no more. It fails if it is this end's fault that
// there are no more.
func (e *streamEnd) sendAll(ctx context.Context, items iter.Seq2[[]byte, error]) error {
	for payload, err := range items {
		if err != nil {
			e.fail(err)
			return err
		}
		if _, err = e.send(payload); err != nil {
			return nil // what comes next says why
		}
	}
	if ctx != nil && ctx.Err() != nil {
		e.cancel(ctx)
		return e.fault(ctx.Err())
	}
	e.s.Finish(wire.Goodbye{}, nil)
	return nil
}

// Exchange opens a stream in which both ends send items. It yields what the handler sends, as [Stream] does, and sends
// items meanwhile, as [Upload] does. The exchange is over when the handler has returned.
//
// items runs on a goroutine of its own, and is left at its next item once the exchange is over: an iterator that waits
// for something should also wait for ctx. A panic of items ends the stream.
func Exchange[Out, Item any](ctx context.Context, to Streamer, name string, in any, items iter.Seq[Item]) iter.Seq2[Out, error] {
	return func(yield func(Out, error) bool) {
		var none Out
		e, err := openFor(ctx, to, name, in, streamKind{})
		if err != nil {
			yield(none, err)
			return
		}
		defer e.abandon()
		go e.sendBeside(ctx, encodeEach(items, e.c.eng.codec))
		rangeOver(e, yield)
	}
}

// sendBeside is sendAll on a goroutine of its own.
func (e *streamEnd) sendBeside(ctx context.Context, items iter.Seq2[[]byte, error]) {
	defer func() {
		if v := recover(); v != nil {
			e.c.eng.logPanic(e.c, KindStream.String(), v)
			e.fail(errCrashed)
		}
	}()
	e.sendAll(ctx, items) //nolint:errcheck // whoever ranges over the exchange is told
}
