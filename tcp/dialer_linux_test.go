package tcp

import (
	"context"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A deadline that passes before there is a connection is reported as any other is, whether the
// socket notices it first or the context.
func TestDialDeadlineBeforeConnection(t *testing.T) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer syscall.Close(fd)
	require.NoError(t, syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, syscall.Listen(fd, 0)) // nobody accepts, and one fills it
	at, err := syscall.Getsockname(fd)
	require.NoError(t, err)
	addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(at.(*syscall.SockaddrInet4).Port))
	full, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer full.Close()
	for range 50 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		_, err := Dialer(addr, nil).Dial(ctx)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}
