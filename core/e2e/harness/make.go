//go:build !js

package harness

import (
	"context"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/transport"
)

// NewServer is [core.NewServer] for valid options.
func NewServer(opts *core.ServerOptions) *core.Server { return coretest.Must(core.NewServer(opts)) }

// NewClient is [core.NewClient] for valid options.
func NewClient(d transport.Dialer, opts *core.ClientOptions) *core.Client {
	return coretest.Must(core.NewClient(d, opts))
}

// Echo is a handler of calls that answers with the payload of the call.
func Echo(_ context.Context, _ *core.Conn, payload []byte) ([]byte, error) { return payload, nil }
