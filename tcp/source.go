//go:build !js

package tcp

import (
	"fmt"
	"net"
	"sync"
	"sync/atomic"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/proxy"
	"github.com/hisock/hisock/transport/socket"
)

// A source is what a proxy says about the client at the beginning of a stream. A nil source says
// nothing.
type source struct {
	stream net.Conn
	known  atomic.Pointer[transport.Info] // the addresses only; nil before the header has been read

	mu     sync.Mutex          // guards the fields below, and is held while the header is read
	header *proxy.HeaderReader // nil when it has been read
	err    error               // why it cannot be
}

// sourceOf returns the source of a stream that is accepted from one of the proxies, or else nil.
func (s *settings) sourceOf(stream net.Conn) *source {
	if s.proxies.Empty() || !s.proxies.Holds(socket.RawAddr(stream.RemoteAddr()), socket.IsUnix(stream.RemoteAddr())) {
		return nil
	}
	return &source{stream: stream, header: new(proxy.HeaderReader)}
}

// read reads the header, if it has not been read. A deadline that passes meanwhile does no harm.
func (s *source) read() error {
	if s == nil || s.known.Load() != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.header == nil {
		return s.err
	}
	said, err := s.header.Read(s.stream)
	if t, ok := err.(net.Error); ok && t.Timeout() {
		return err
	}
	s.header = nil
	if err != nil {
		s.err = fmt.Errorf("tcp: proxy %q: %w", socket.RawAddr(s.stream.RemoteAddr()), err)
		return s.err
	}
	known := &transport.Info{}
	switch {
	case said.Unix:
		known.Remote = socket.Numbered("unix:")
	case said.From.IsValid():
		known.Remote, known.Local = said.From.String(), said.To.String()
	}
	s.known.Store(known)
	return nil
}

// amend says in info what is known of the client. info has the addresses of the stream.
func (s *source) amend(info transport.Info) transport.Info {
	if s == nil {
		return info
	}
	info.Proxy = info.Remote
	if known := s.known.Load(); known != nil && known.Remote != "" {
		info.Remote = known.Remote
		if known.Local != "" {
			info.Local = known.Local
		}
	}
	return info
}
