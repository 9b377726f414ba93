//go:build !unix && !js

package tcp

import "net"

// readyState is nothing where waiting for input needs a buffer: a connection is no
// [github.com/hisock/hisock/transport.ReadyReader] there.
type readyState struct{}

func (readyState) init(*net.TCPConn) error { return nil }
