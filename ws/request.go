//go:build !js

package ws

import (
	"crypto/tls"
	"net/http"

	"github.com/hisock/hisock/transport"
)

// A Handshake is the [transport.Info.Handshake] of a conn that a [Listener] has accepted.
type Handshake struct {
	// Request is the client's, with its URL, headers and the values of its context, among them those of
	// middleware. It has no body, and its context does not end. It must not be changed.
	Request *http.Request
}

// TLS returns the state of the TLS connection, or nil without TLS: see [transport.Info.TLS].
func (h *Handshake) TLS() *tls.ConnectionState { return h.Request.TLS }

// Request returns the request with which a client of a [Listener] has come, or nil for every other
// conn: one of another medium, or one that was dialled. It must not be changed.
func Request(info transport.Info) *http.Request {
	if h, ok := info.Handshake().(*Handshake); ok {
		return h.Request
	}
	return nil
}
