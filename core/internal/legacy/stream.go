package legacy

import (
	"errors"
	"sync"
	"time"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A Pace bounds the rate at which a stream writes to a peer.
type Pace struct {
	Rate     int           // bytes a second; not bounded if it is zero or less
	Part     time.Duration // the longest time for which a write waits without calling Progress; not bounded if it is zero
	Progress func()        // says that a write that waits still goes on
}

// SetPace sets the pace. It must be called before the first write.
func (p *Peer) SetPace(pace Pace) { p.pace = pace }

// Stream returns a stream that writes to s as the peer reads. It writes each frame with a call of its own, within the pace: a
// Python peer reads a header and a payload with one call each, and takes the bytes that have come for the whole. The
// stream ends as the peer needs it; see [Parting].
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
	due time.Time // when all bytes that were written would have been sent at the pace's rate; the writer owns it

	ended  sync.Once     // closes closed
	closed chan struct{} // Close has been called
	left   sync.Once     // resets the stream
}

// readyStream is a stream that can wait without a buffer.
type readyStream struct {
	*stream
	transport.ReadyReader
}

// errNative is the error of a write that has a native frame. It ends the connection: the peer would take the frame for a
// header, and for the beginning of some message.
var errNative = fault(wire.CodeInternal, "a native frame for a peer of the original")

// first returns the size of the first frame of b in bytes. It fails if b begins with a native frame.
func (s *stream) first(b []byte) (size int, err error) {
	_, size, ok, err := classic.Next(b, s.p.headerLen, len(b))
	var why *wire.Error
	switch {
	case ok:
		return size, nil
	case err == nil && size == 0, errors.As(err, &why) && why.Code == wire.CodeProtocol: // no header, or only a part
		return 0, errNative
	}
	return len(b), nil // the length does not fit the header; the original writes such a frame too
}

// check fails if b has a native frame.
func (s *stream) check(b []byte) error {
	for len(b) > 0 {
		size, err := s.first(b)
		if err != nil {
			return err
		}
		b = b[size:]
	}
	return nil
}

// Write writes b, which is made of whole frames.
func (s *stream) Write(b []byte) (n int, err error) {
	if s.p.traits().whole {
		if err := s.check(b); err != nil {
			return 0, err
		}
		return s.Conn.Write(b)
	}
	for n < len(b) {
		size, err := s.first(b[n:])
		if err != nil {
			return n, err
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

// WriteBuffers writes buffers. Each is made of whole frames.
func (s *stream) WriteBuffers(bufs [][]byte) (n int64, err error) {
	if s.p.traits().whole {
		for _, b := range bufs {
			if err := s.check(b); err != nil {
				return 0, err
			}
		}
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

// CloseWrite ends this side as the peer needs it, since an orderly end stops the loop of a server without markers. With
// AfterIt it does nothing: the server ends the stream itself when it has read that this side leaves.
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

// A client of a release before 3.0a reads a header and a payload with one call each, and goes on with the bytes that it
// got. Bytes that the client has not read yet fill a buffer of its kernel. When the buffer is full, a frame arrives in
// parts: the client takes the second part for a header and ends. So a client that is busy for a moment must not be sent
// more bytes than the buffer holds.

// burst is the number of bytes that may be sent at once, a small part of a socket's default buffer. Each frame counts with
// frameCost bytes beside its own.
const (
	burst     = 32 << 10
	frameCost = 128
)

// wait returns the time for which a frame of n bytes must wait, and counts the frame.
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
			part = min(d, s.p.pace.Part) // so that a slow write does not look stuck
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
