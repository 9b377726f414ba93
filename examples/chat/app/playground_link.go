package app

import (
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// links are the connections of a listener, each of which can be cut.
type links struct{ *ws.Listener }

// Accept implements [transport.Listener].
func (l links) Accept() (transport.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &link{c}, nil
}

// A link is one connection of a client. A client that comes back to its session has another link.
type link struct{ transport.Conn }

// Info has the link itself as the result of [transport.Info.Handshake], for the handler that cuts it.
func (l *link) Info() transport.Info {
	info := l.Conn.Info()
	info.HandshakeFunc = func() any { return l }
	return info
}

// cut breaks the link off, without a goodbye. Any goroutine may call it, more than once.
func (l *link) cut() {
	l.Conn.Close() //nolint:errcheck // the link is gone in any case
}
