//go:build !linux && !darwin && !js

package socket

import (
	"errors"
	"net"
)

const unsentSupported = false

func setUnsent(*net.TCPConn, int) error { return errors.ErrUnsupported }
