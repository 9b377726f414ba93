package core

import (
	"context"

	"github.com/hisock/hisock/core/internal/stream"
	"github.com/hisock/hisock/core/wire"
)

// A PageStream is this end of a stream, for a page: nothing is converted, and what a page must not wait for does not wait. It exists
// only in a browser build.
type PageStream struct {
	end *streamEnd
	ctx context.Context // of the handler; nil if this side has opened the stream
}

// A StreamItem is an item that a page sends, or bytes. Rest is what was not sent yet.
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

// HandlePageStreams registers the handler of all streams of the server. When f returns the stream has ended. It exists only in
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

// TryNext returns the next item if it has come. It is valid until the next call. If over is set there are no more, since the
// server has sent all or for the reason why.
func (s *PageStream) TryNext() (item []byte, got, over bool, why error) {
	item, st, err := s.end.s.TryNext()
	return item, st == stream.Done, st == stream.Ended, err
}

// TrySend sends as much of an item as there is credit and room for, and reports whether that was all of it. If over is set it is
// not sent, for the reason why.
func (s *PageStream) TrySend(it *StreamItem) (done, over bool, why error) {
	st, err := s.end.s.TrySend(it)
	if st == stream.Ended && err == nil {
		err = errStreamClosed
	}
	return st == stream.Done, st == stream.Ended, err
}

// Writable has a token when TrySend is to be tried again.
func (s *PageStream) Writable() <-chan struct{} { return s.end.s.Writable() }

// Finish says that nothing more is sent, with an error if there is one: then both directions end, behind what was sent.
func (s *PageStream) Finish(why error) {
	if why == nil {
		s.end.s.Finish(wire.Goodbye{}, nil)
		return
	}
	bye, _ := forPeer(packed(s.end.c.eng.codec, why), s.end.c.peer.maxFrame)
	s.end.s.Finish(bye, why)
}

// Drained is closed when all that was sent is on its way, or never will be.
func (s *PageStream) Drained() <-chan struct{} { return s.end.s.Drained() }

// Stop says that nothing more is taken.
func (s *PageStream) Stop(why error) {
	bye, _ := forPeer(packed(s.end.c.eng.codec, why), s.end.c.peer.maxFrame)
	s.end.s.Stop(bye, why)
}

// Abort ends both directions at once.
func (s *PageStream) Abort(why error) { s.end.fail(why) }

// SendError returns why not all could be sent, or nil.
func (s *PageStream) SendError() error { return s.end.s.SendError() }

// Over reports whether both directions have ended.
func (s *PageStream) Over() bool { return s.end.s.Ended() }

// Progress returns how many items, or bytes, were taken and sent, and how many of these are known to have arrived.
func (s *PageStream) Progress() (taken, sent, delivered uint64) {
	p := s.end.s.Progress()
	return p.Taken, p.Sent, p.Delivered
}
