//go:build !js

package core

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/convert"
)

// A handler that takes bytes costs no allocation, in whichever form it is registered. A handler that
// takes text costs one allocation, the text.
func TestTypedHandlersAllocateNoMore(t *testing.T) {
	payload := make([]byte, 100)
	handle := func(register func(srv *Server)) func() {
		srv := newTestServer(nil)
		register(srv)
		h := srv.handlers.commands["n"]
		if h == nil {
			h = srv.handlers.calls["n"]
		}
		if h == nil {
			h = srv.handlers.message
		}
		return func() {
			if _, err := h.run(context.Background(), nil, Frame{Payload: payload}); err != nil {
				panic(err)
			}
		}
	}
	tests := map[string]struct {
		run  func()
		most float64
	}{
		"On bytes":        {handle(func(srv *Server) { On(srv, "n", func(context.Context, *Conn, []byte) error { return nil }) }), 0},
		"On text":         {handle(func(srv *Server) { On(srv, "n", func(context.Context, *Conn, string) error { return nil }) }), 1},
		"OnMessage bytes": {handle(func(srv *Server) { OnMessage(srv, func(context.Context, *Conn, []byte) error { return nil }) }), 0},
		"Handle bytes": {handle(func(srv *Server) {
			Handle(srv, "n", func(_ context.Context, _ *Conn, in []byte) ([]byte, error) { return in, nil })
		}), 0},
		"decoded bytes": {func() {
			if b, err := decoded[[]byte](convert.Default{}, payload); err != nil || len(b) != len(payload) {
				panic("not as it was")
			}
		}, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.LessOrEqual(t, testing.AllocsPerRun(100, tc.run), tc.most)
		})
	}
}
