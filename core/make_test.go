package core

import "github.com/hisock/hisock/transport"

// newTestServer is NewServer for options that can be.
func newTestServer(opts *ServerOptions) *Server { return made(newServer(opts)) }

// newTestClient is NewClient for options that can be.
func newTestClient(d transport.Dialer, opts *ClientOptions) *Client { return made(NewClient(d, opts)) }

func made[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// resolved are options that can be, with their defaults.
func resolved(opts *ServerOptions) ServerOptions { return made(opts.resolve()) }
