//go:build !js

package transport_test

import (
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

type layered struct{ state *tls.ConnectionState }

func (l layered) TLS() *tls.ConnectionState { return l.state }

// Info.TLS and Info.Handshake may be called for every connection.
func TestHandshake(t *testing.T) {
	state := &tls.ConnectionState{}
	tests := map[string]struct {
		f    func() any
		want *tls.ConnectionState
	}{
		"plain":             {nil, nil},
		"not over yet":      {func() any { return nil }, nil},
		"TLS":               {func() any { return state }, state},
		"TLS below another": {func() any { return layered{state} }, state},
		"none below it":     {func() any { return layered{} }, nil},
		"something else":    {func() any { return "x" }, nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			info := transport.Info{HandshakeFunc: tc.f}
			require.Same(t, tc.want, info.TLS())
			if tc.f == nil {
				require.Nil(t, info.Handshake())
			}
		})
	}
}
