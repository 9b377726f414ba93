package core

import (
	"context"

	"github.com/hisock/hisock/core/internal/stream"
	"github.com/hisock/hisock/core/wire"
)

// A PageStream is this end of a stream, for a page. It converts nothing. Only its Next waits. It exists only in a browser build.
type PageStream struct {
	end *streamEnd
	ctx context.Context // the handler's context; nil if this side has opened the stream
}

// A StreamItem is an item that a page sends, or bytes. Rest is the part that has not been sent.
type StreamItem = stream.Item

// OpenPageStream opens a stream. If the queue to the server is full it waits for room, until ctx ends.
// It exists only in a browser build.
func (cl *Client) OpenPageStream(ctx context.Context, name string, arg []byte, silent, carries bool) (*PageStream, error) {
	c, err := cl.current()
	if err != nil {
		return nil, err
	}
	end, err := c.open(ctx, name, arg, streamKind{silent: silent, bytes: carries})
	if err != nil {
		return nil, err
	}
	if end.stop != nil {
		end.stop()
	}
	return &PageStream{end: end}, nil
}

// HandlePageStreams registers the handler of all streams of the server. The stream ends when f returns. It exists only in
// a browser build.
func (cl *Client) HandlePageStreams(f func(ctx context.Context, s *PageStream, name string, arg []byte)) {
	hs := cl.registrar()
	hs.mustBeOpen()
	hs.streaming = newStreaming()
	hs.anyStream = newHandler("", func(ctx context.Context, _ *Conn, fr Frame) ([]byte, error) {
		end, _ := ctx.Value(streamKey{}).(*streamEnd)
		f(ctx, &PageStream{end, ctx}, fr.Command, fr.Payload)
		return nil, nil
	}, nil)
}

// Begin grants the server the rest of the window for a stream that it has opened.
func (s *PageStream) Begin() { s.end.s.Begin(false) }

// Next waits for the next item, and returns it as TryNext does.
func (s *PageStream) Next() (item []byte, over bool, why error) {
	for {
		item, st, err := s.end.s.TryNext()
		if st != stream.Wait {
			return item, st == stream.Ended, err
		}
		<-s.end.s.Readable()
	}
}

// TryNext returns the next item if it has arrived. The item is valid until the next call. If over is set there are no more items: why is
// the reason, or nil if the server has sent all.
func (s *PageStream) TryNext() (item []byte, got, over bool, why error) {
	item, st, err := s.end.s.TryNext()
	return item, st == stream.Done, st == stream.Ended, err
}

// TrySend sends as much of an item as there is credit and room for. done reports that the whole item has been sent. If over is set the rest
// of the item cannot be sent, and why is the reason.
func (s *PageStream) TrySend(it *StreamItem) (done, over bool, why error) {
	st, err := s.end.s.TrySend(it)
	if st == stream.Ended && err == nil {
		err = errStreamClosed
	}
	return st == stream.Done, st == stream.Ended, err
}

// Writable has a token when the page is to try TrySend again.
func (s *PageStream) Writable() <-chan struct{} { return s.end.s.Writable() }

// Finish ends the page's direction after the sent items. If why is not nil it ends both directions with that error.
func (s *PageStream) Finish(why error) {
	if why == nil {
		s.end.s.Finish(wire.Goodbye{}, nil)
		return
	}
	bye, _ := forPeer(packed(s.end.c.eng.codec, why), s.end.c.peer.maxFrame)
	s.end.s.Finish(bye, why)
}

// Drained returns a channel that is closed once all sent items are on their way, or have been dropped.
func (s *PageStream) Drained() <-chan struct{} { return s.end.s.Drained() }

// Stop takes no more items, and tells the server why.
func (s *PageStream) Stop(why error) {
	bye, _ := forPeer(packed(s.end.c.eng.codec, why), s.end.c.peer.maxFrame)
	s.end.s.Stop(bye, why)
}

// Abort ends both directions at once.
func (s *PageStream) Abort(why error) { s.end.fail(why) }

// SendError returns why the page's direction has failed, or nil.
func (s *PageStream) SendError() error { return s.end.s.SendError() }

// Over reports whether both directions have ended.
func (s *PageStream) Over() bool { return s.end.s.Ended() }

// Progress returns the numbers of items, or bytes, that were taken, that were sent, and that are known to have arrived.
func (s *PageStream) Progress() (taken, sent, delivered uint64) {
	p := s.end.s.Progress()
	return p.Taken, p.Sent, p.Delivered
}
