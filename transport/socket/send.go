//go:build !js

// Package socket, for adapters, tells peers apart by their addresses, and sets how much a TCP socket holds that has been written and not yet sent.
package socket

import (
	"errors"
	"fmt"
	"math"
	"net"
)

// Send are such settings. The zero value leaves all to the system.
type Send struct {
	Buffer int // bytes of the send buffer (SO_SNDBUF); 0 is the system's
	Unsent int // bytes that may wait in it before the socket takes no more (TCP_NOTSENT_LOWAT); 0 is the system's
}

// Check reports what can work nowhere, or not on this system; the latter is an
// [errors.ErrUnsupported]. The error begins with the name of the option.
func (s Send) Check() error {
	switch {
	case s.Buffer < 0 || s.Buffer > math.MaxInt32: // what a system call takes; of more it would see the lower half
		return fmt.Errorf("SendBuffer: %d B is no size", s.Buffer)
	case s.Unsent < 0 || s.Unsent > math.MaxInt32:
		return fmt.Errorf("UnsentBytes: %d B is no size", s.Unsent)
	case s.Unsent > 0 && !unsentSupported:
		return fmt.Errorf("UnsentBytes: %w", errors.ErrUnsupported)
	}
	return nil
}

// Apply sets the options of the TCP socket that stream is, or that is below it as below a
// [crypto/tls.Conn]. Without such a socket it does nothing.
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

// TCP returns the TCP socket that stream is or that is below it, or nil.
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
