//go:build !js

package ws

import (
	"crypto/tls"
	"net/http"

	"github.com/hisock/hisock/transport"
)

// A Handshake is the [transport.Info.Handshake] of a connection that a [Listener] has accepted.
type Handshake struct {
	// Request is the client's request, with its URL, its headers and the values of its context, including
	// values from middleware. It has no body, and its context does not end. It must not be changed.
	Request *http.Request
}

// TLS returns the state of the TLS connection, or nil without TLS: see [transport.Info.TLS].
func (h *Handshake) TLS() *tls.ConnectionState { return h.Request.TLS }

// Request returns the HTTP request of a connection that a [Listener] has accepted. It returns nil for a
// connection of another medium, and for a connection that was dialled. The request must not be changed.
func Request(info transport.Info) *http.Request {
	if h, ok := info.Handshake().(*Handshake); ok {
		return h.Request
	}
	return nil
}
