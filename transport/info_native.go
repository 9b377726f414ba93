//go:build !js

package transport

import "crypto/tls"

// TLS returns the state of the TLS connection through which the peer has come: over TCP, of a
// WebSocket at either end. It is nil without TLS, before the handshake is over, and where a
// proxy has ended TLS. It is not to be changed.
func (i Info) TLS() *tls.ConnectionState {
	switch h := i.Handshake().(type) {
	case *tls.ConnectionState:
		return h
	case interface{ TLS() *tls.ConnectionState }:
		return h.TLS()
	}
	return nil
}
