//go:build !js

package tcp

import (
	"errors"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// A failingListener fails to accept, as often as it has errors.
type failingListener struct {
	net.Listener
	errs []error
}

func (l *failingListener) Accept() (net.Conn, error) {
	if len(l.errs) == 0 {
		return l.Listener.Accept()
	}
	err := l.errs[0]
	l.errs = l.errs[1:]
	return nil, &net.OpError{Op: "accept", Net: "tcp", Err: err}
}

// Errors that only some systems have are temporary there too.
func TestAcceptErrorsOfTheSystem(t *testing.T) {
	for _, errno := range acceptAgain {
		err := &acceptError{err: &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", errno)}}
		require.True(t, err.Temporary(), errno.Error())
	}
}

func TestAcceptErrors(t *testing.T) {
	tests := map[string]struct {
		err       error
		temporary bool
		closed    bool
	}{
		"process has too many files": {os.NewSyscallError("accept4", syscall.EMFILE), true, false},
		"system has too many files":  {os.NewSyscallError("accept4", syscall.ENFILE), true, false},
		"peer has gone":              {os.NewSyscallError("accept4", syscall.ECONNABORTED), true, false},
		"no memory":                  {os.NewSyscallError("accept4", syscall.ENOBUFS), true, false},
		"no room in the kernel":      {os.NewSyscallError("accept4", syscall.ENOMEM), true, false},
		"firewall":                   {os.NewSyscallError("accept4", syscall.EPERM), true, false},
		"network is down":            {os.NewSyscallError("accept4", syscall.ENETDOWN), true, false},
		"protocol error":             {os.NewSyscallError("accept4", syscall.EPROTO), true, false},
		"protocol not available":     {os.NewSyscallError("accept4", syscall.ENOPROTOOPT), true, false},
		"host is down":               {os.NewSyscallError("accept4", syscall.EHOSTDOWN), true, false},
		"host is unreachable":        {os.NewSyscallError("accept4", syscall.EHOSTUNREACH), true, false},
		"operation not supported":    {os.NewSyscallError("accept4", syscall.EOPNOTSUPP), true, false},
		"network is unreachable":     {os.NewSyscallError("accept4", syscall.ENETUNREACH), true, false},
		"interrupted":                {os.NewSyscallError("accept4", syscall.EINTR), true, false},
		"bad listener":               {os.NewSyscallError("accept4", syscall.EINVAL), false, false},
		"closed":                     {net.ErrClosed, false, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			l, err := Listen("127.0.0.1:0", nil)
			require.NoError(t, err)
			defer l.Close()
			l.listener = &failingListener{l.listener, []error{tc.err}}

			_, err = l.Accept()
			var temporary interface{ Temporary() bool }
			require.True(t, errors.As(err, &temporary))
			require.Equal(t, tc.temporary, temporary.Temporary())
			require.Equal(t, tc.closed, errors.Is(err, transport.ErrClosed))
			require.ErrorContains(t, err, `tcp: accept on "`+l.Addr()+`": `)

			dialled, err := Dialer(l.Addr(), nil).Dial(t.Context())
			require.NoError(t, err)
			defer dialled.Close()
			accepted, err := l.Accept()
			require.NoError(t, err, "the listener goes on")
			require.NoError(t, accepted.Close())
		})
	}
}
