//go:build !unix && !js

package ready

import (
	"errors"
	"net"

	"github.com/hisock/hisock/transport"
)

// Supported reports whether a [Reader] works on this system.
const Supported = false

// A Conn is a socket that a [Reader] can wait for.
type Conn interface{ net.Conn }

// A Reader does not work on this system.
type Reader struct{}

// Init does nothing.
func (*Reader) Init(Conn) error { return nil }

// Read fails with [errors.ErrUnsupported].
func (*Reader) Read(transport.BufferPool) ([]byte, int, error) {
	return nil, 0, errors.ErrUnsupported
}
