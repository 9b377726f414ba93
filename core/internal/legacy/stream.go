package legacy

import (
	"sync"
	"time"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/transport"
)

// A Pace is how fast a peer is written to.
type Pace struct {
	Rate     int           // bytes a second; zero and less is as fast as the peer reads
	Part     time.Duration // how long a write waits at most without calling Progress; zero is for as long as it has to
	Progress func()        // tells that a write goes on which waits
}

// SetPace says how fast the peer is written to. Nobody writes to it yet.
func (p *Peer) SetPace(pace Pace) { p.pace = pace }

// Stream returns s as a stream to the peer. It writes each frame by itself, no faster than the pace says: a Python
// peer reads a header and a payload with one call each, and takes what is there for all. It ends as the peer wants
// to be left.
func (p *Peer) Stream(s transport.Conn) transport.Conn {
	st := &stream{Conn: s, p: p, closed: make(chan struct{})}
	if r, ok := s.(transport.ReadyReader); ok {
		return &readyStream{st, r}
	}
	return st
}

type stream struct {
	transport.Conn
	p   *Peer
	due time.Time // when all that was written would have been sent at that rate; whoever writes owns it

	ended  sync.Once     // closes closed
	closed chan struct{} // Close has been called
	left   sync.Once     // resets the stream
}

// readyStream is a stream that can wait without a buffer.
type readyStream struct {
	*stream
	transport.ReadyReader
}

// Write writes b, which is made of whole frames.
func (s *stream) Write(b []byte) (n int, err error) {
	if s.p.traits().whole {
		return s.Conn.Write(b)
	}
	for n < len(b) {
		_, size, ok, err := classic.Next(b[n:], s.p.headerLen, len(b)-n)
		if err != nil || !ok {
			size = len(b) - n // a header too small for its number, as the original writes it
		}
		s.await(size)
		wrote, err := s.Conn.Write(b[n : n+size])
		n += wrote
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// WriteBuffers writes buffers that are made of whole frames each.
func (s *stream) WriteBuffers(bufs [][]byte) (n int64, err error) {
	if s.p.traits().whole {
		return s.Conn.WriteBuffers(bufs)
	}
	for _, b := range bufs {
		wrote, err := s.Write(b)
		n += int64(wrote)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// CloseWrite ends this side as the peer wants it: an orderly end stops the loop of a server without markers. One
// that ends the stream itself, when it has read that this side leaves, is left alone until Close.
func (s *stream) CloseWrite() error {
	switch s.parting() {
	case ByReset:
		s.reset()
		return nil
	case AfterIt:
		return nil
	}
	return s.Conn.CloseWrite()
}

func (s *stream) Close() error {
	s.ended.Do(func() { close(s.closed) })
	if s.parting() != InOrder {
		s.reset()
	}
	return s.Conn.Close()
}

func (s *stream) parting() Parting {
	if !s.p.isServer {
		return InOrder
	}
	return s.p.traits().parting
}

func (s *stream) reset() {
	s.left.Do(func() {
		if r, ok := s.Conn.(transport.Resetter); ok {
			r.Reset() //nolint:errcheck // Close follows
		}
	})
}

// A client of a release before 3.0a reads a header and a payload with one call each, and goes on with
// whatever came. What it has not read yet fills a buffer of its kernel, and where that is full a frame is cut:
// the client takes the rest for a header and ends. So a client that is busy for a moment must not be sent
// more than the buffer holds.

// burst is what may be sent at once, in bytes with what each frame counts beside its own: a small part
// of the buffer that a socket has by default.
const (
	burst     = 32 << 10
	frameCost = 128
)

// wait returns how long a frame of n bytes has to wait, and counts it.
func (s *stream) wait(n int, now time.Time) time.Duration {
	if s.due.Before(now) {
		s.due = now
	}
	ahead := s.due.Sub(now)
	s.due = s.due.Add(time.Duration(n+frameCost) * time.Second / time.Duration(s.p.pace.Rate))
	return ahead - burst*time.Second/time.Duration(s.p.pace.Rate)
}

// await waits until a frame of n bytes may be written, or the stream is closed.
func (s *stream) await(n int) {
	if s.p.pace.Rate <= 0 {
		return
	}
	for d := s.wait(n, time.Now()); d > 0; {
		part := d
		if s.p.pace.Part > 0 {
			part = min(d, s.p.pace.Part) // so that it is seen to go on, however slowly
		}
		t := time.NewTimer(part)
		select {
		case <-t.C:
		case <-s.closed:
			t.Stop()
			return
		}
		s.p.pace.Progress()
		d -= part
	}
}
