//go:build !js

package tcp_test

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

func TestMain(m *testing.M) { transporttest.Main(m) }

// patience bounds waits for the network.
const patience = transporttest.Patience

func listen(t testing.TB, addr string, opts *tcp.Options) *tcp.Listener {
	t.Helper()
	l, err := tcp.Listen(addr, opts)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// connect dials l and returns both ends. A TLS handshake is over.
func connect(t testing.TB, l *tcp.Listener, opts *tcp.Options) (dialled, accepted transport.Conn) {
	t.Helper()
	type result struct {
		conn transport.Conn
		err  error
	}
	accepting := make(chan result, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			_, err = conn.Read(nil) // the handshake
		}
		accepting <- result{conn, err}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dialled, err := tcp.Dialer(l.Addr(), opts).Dial(ctx)
	require.NoError(t, err)
	t.Cleanup(func() { dialled.Close() })
	r := <-accepting
	require.NoError(t, r.err)
	t.Cleanup(func() { r.conn.Close() })
	return dialled, r.conn
}

// dialRaw connects to l with plain TCP.
func dialRaw(t testing.TB, l *tcp.Listener) *net.TCPConn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", l.Addr(), patience)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn.(*net.TCPConn)
}

func accept(t testing.TB, l *tcp.Listener) transport.Conn {
	t.Helper()
	conn, err := l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	require.NoError(t, conn.SetWriteDeadline(time.Now().Add(patience)))
	return conn
}
