//go:build !js

// Package socket is for the adapters tcp and ws. It turns addresses of sockets into text that tells peers apart,
// and sets the send buffer of a TCP socket.
package socket

import (
	"errors"
	"fmt"
	"math"
	"net"
)

// Send has the settings of a send buffer. The zero value leaves all settings to the system.
type Send struct {
	Buffer int // size of the send buffer in bytes (SO_SNDBUF); 0 means the system's default
	Unsent int // bytes that may wait unsent in it before a write waits (TCP_NOTSENT_LOWAT); 0 means the system's default
}

// Check reports settings that are out of range or that this system does not have; the error is
// [errors.ErrUnsupported] in the second case. The error begins with the name of the option.
func (s Send) Check() error {
	switch {
	case s.Buffer < 0 || s.Buffer > math.MaxInt32: // a system call would take only the lower 32 bits
		return fmt.Errorf("SendBuffer: %d B is no size", s.Buffer)
	case s.Unsent < 0 || s.Unsent > math.MaxInt32:
		return fmt.Errorf("UnsentBytes: %d B is no size", s.Unsent)
	case s.Unsent > 0 && !unsentSupported:
		return fmt.Errorf("UnsentBytes: %w", errors.ErrUnsupported)
	}
	return nil
}

// Apply makes the settings at the TCP socket that [TCP] finds. If there is none, it does nothing.
func (s Send) Apply(stream net.Conn) error {
	if s == (Send{}) {
		return nil
	}
	tcp := TCP(stream)
	if tcp == nil {
		return nil
	}
	var err error
	if s.Buffer > 0 {
		err = tcp.SetWriteBuffer(s.Buffer)
	}
	if s.Unsent > 0 {
		err = errors.Join(err, setUnsent(tcp, s.Unsent))
	}
	return err
}

// TCP returns the TCP socket that stream is, or that is below it as below a [crypto/tls.Conn], or nil.
func TCP(stream net.Conn) *net.TCPConn {
	for {
		if tcp, ok := stream.(*net.TCPConn); ok {
			return tcp
		}
		upper, ok := stream.(interface{ NetConn() net.Conn })
		if !ok {
			return nil
		}
		stream = upper.NetConn()
	}
}
