//go:build !js && !linux

package tcp

import (
	"net"
	"time"
)

// awaitSent gives the peer a moment to get what was written: a reset throws away what is
// still on its way, and this system does not say how much that is.
func awaitSent(*net.TCPConn) { time.Sleep(50 * time.Millisecond) }
