package tcp

import (
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

func TestKeepAlive(t *testing.T) {
	tests := map[string]struct {
		opts      *Options
		on        int
		idle, gap int // seconds
	}{
		"default": {nil, 1, 15, 15},
		"set":     {&Options{KeepAlive: 7 * time.Second}, 1, 7, 7},
		"off":     {&Options{KeepAlive: -1}, 0, 0, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := Listen("127.0.0.1:0", tc.opts)
			require.NoError(t, err)
			defer l.Close()
			dialled, err := Dialer(l.Addr(), tc.opts).Dial(t.Context())
			require.NoError(t, err)
			defer dialled.Close()
			accepted, err := l.Accept()
			require.NoError(t, err)
			defer accepted.Close()

			for _, end := range []transport.Conn{dialled, accepted} {
				require.Equal(t, tc.on, socketOption(t, end, syscall.SOL_SOCKET, syscall.SO_KEEPALIVE))
				if tc.on == 1 {
					require.Equal(t, tc.idle, socketOption(t, end, syscall.IPPROTO_TCP, syscall.TCP_KEEPIDLE))
					require.Equal(t, tc.gap, socketOption(t, end, syscall.IPPROTO_TCP, syscall.TCP_KEEPINTVL))
				}
			}
		})
	}
}

func socketOption(t *testing.T, c transport.Conn, level, option int) (value int) {
	t.Helper()
	raw, err := c.(*tcpConn).socket.SyscallConn()
	require.NoError(t, err)
	var optErr error
	require.NoError(t, raw.Control(func(fd uintptr) {
		value, optErr = syscall.GetsockoptInt(int(fd), level, option)
	}))
	require.NoError(t, optErr)
	return value
}
