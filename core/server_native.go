//go:build !js

package core

// NewServer returns a server that does not listen yet. opts may be nil, which is no error. It fails
// with an [OptionError] for each option that cannot be. A browser build has no servers.
func NewServer(opts *ServerOptions) (*Server, error) { return newServer(opts) }
