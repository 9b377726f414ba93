//go:build linux || darwin

package socket

import (
	"net"
	"os"
	"syscall"
)

func setUnsent(tcp *net.TCPConn, n int) error {
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) {
		failed = os.NewSyscallError("setsockopt", syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, notsentLowat, n))
	})
	if err != nil {
		return err
	}
	return failed
}
