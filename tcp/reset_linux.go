package tcp

import (
	"net"
	"syscall"
	"time"
	"unsafe"
)

// resetWait bounds how long Reset waits for the peer to receive the written bytes.
const resetWait = time.Second

// awaitSent waits until the peer has acknowledged all written bytes, because a reset throws away
// bytes that are still on their way. The ioctl SIOCOUTQ counts them, see tcp(7).
func awaitSent(c *net.TCPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		return
	}
	for deadline := time.Now().Add(resetWait); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		var left int32
		var failed syscall.Errno
		err := raw.Control(func(fd uintptr) {
			_, _, failed = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&left)))
		})
		if err != nil || failed != 0 || left == 0 {
			return
		}
	}
}
