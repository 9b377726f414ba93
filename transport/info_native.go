//go:build !js

package transport

import "crypto/tls"

// TLS returns the state of the TLS connection: of a TCP connection or of a WebSocket, at either end. It
// returns nil without TLS, before the handshake is over, and if a
// proxy has ended TLS. The result must not be changed.
func (i Info) TLS() *tls.ConnectionState {
	switch h := i.Handshake().(type) {
	case *tls.ConnectionState:
		return h
	case interface{ TLS() *tls.ConnectionState }:
		return h.TLS()
	}
	return nil
}
