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

// A source reads the header with which a proxy names its client at the beginning of a stream. A nil source
// is a stream without a proxy.
type source struct {
	stream net.Conn
	known  atomic.Pointer[transport.Info] // addresses from the header; nil before the header has been read

	mu     sync.Mutex          // guards the fields below; held while the header is read
	header *proxy.HeaderReader // nil after the header has been read or has failed
	err    error               // why the header has failed
}

// sourceOf returns the source of a stream from a trusted proxy, and nil for any other stream.
func (s *settings) sourceOf(stream net.Conn) *source {
	if s.proxies.Empty() || !s.proxies.Holds(socket.RawAddr(stream.RemoteAddr()), socket.IsUnix(stream.RemoteAddr())) {
		return nil
	}
	return &source{stream: stream, header: new(proxy.HeaderReader)}
}

// read reads the header, if it has not been read. After a passed deadline it may be called again.
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

// amend returns info, which has the addresses of the stream, with the addresses of the client.
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
