package app

import (
	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
)

// newTestServer is [core.NewServer] for valid options.
func newTestServer(opts *core.ServerOptions) *core.Server { return made(core.NewServer(opts)) }

// newTestClient is [core.NewClient] for valid options.
func newTestClient(d transport.Dialer, opts *core.ClientOptions) *core.Client {
	return made(core.NewClient(d, opts))
}

func made[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
