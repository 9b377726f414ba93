//go:build !js && !linux

package tcp

import (
	"net"
	"time"
)

// awaitSent gives the peer a moment to receive the written bytes, because a reset throws away bytes that are
// still on their way. This system does not say how many these are.
func awaitSent(*net.TCPConn) { time.Sleep(50 * time.Millisecond) }
