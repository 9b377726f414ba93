package transporttest

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// A Listen makes a listener and a dialer to it, for one test. stop, which
// may be nil, releases other resources. It is called after the listener has been closed.
type Listen func(t *testing.T) (l transport.Listener, d transport.Dialer, stop func())

// RunListener checks that a listener and a dialer to it keep the
// promises of [transport.Listener] and [transport.Dialer]. As for [Run], no other goroutine of the
// program may start meanwhile.
func RunListener(t *testing.T, listen Listen) {
	for name, run := range map[string]func(t *testing.T, l transport.Listener, d transport.Dialer){
		"address":                          testAddr,
		"connections are apart":            testConnections,
		"Close during Accept":              testCloseDuringAccept,
		"Accept after Close":               testAcceptAfterClose,
		"Close from several goroutines":    testListenerCloseConcurrent,
		"Close spares what was accepted":   testCloseSparesAccepted,
		"Dial with a cancelled context":    testDialCancelled,
		"context does not bound the conn":  testDialThenCancel,
		"Dial after the listener's Close":  testDialAfterClose,
		"Close while connections are made": testCloseWhileDialling,
	} {
		t.Run(name, func(t *testing.T) {
			checkGoroutines(t)
			l, d, stop := listen(t)
			t.Cleanup(func() {
				l.Close()
				if stop != nil {
					stop()
				}
			})
			run(t, l, d)
		})
	}
}

// startEcho accepts until the listener is closed, and sends the bytes of each
// connection back. It ends when the connections have ended.
func startEcho(l transport.Listener) *op {
	return start(func() error {
		var echoes []*op
		for {
			conn, err := l.Accept()
			if err != nil {
				for _, o := range echoes {
					<-o.done
				}
				return err
			}
			echoes = append(echoes, start(func() error {
				defer conn.Close()
				_, err := io.Copy(conn, conn)
				return err
			}))
		}
	})
}

// dial connects, and registers a clean-up that closes the connection.
func dial(t *testing.T, ctx context.Context, d transport.Dialer) transport.Conn {
	t.Helper()
	var conn transport.Conn
	require.NoError(t, start(func() (err error) {
		conn, err = d.Dial(ctx)
		return err
	}).wait(t))
	t.Cleanup(func() { conn.Close() })
	return conn
}

// dialError returns the error of an attempt to connect.
func dialError(t *testing.T, ctx context.Context, d transport.Dialer) error {
	t.Helper()
	var conn transport.Conn
	err := start(func() (err error) {
		conn, err = d.Dial(ctx)
		return err
	}).wait(t)
	if conn != nil {
		conn.Close()
	}
	require.Error(t, err)
	require.Nil(t, conn)
	return err
}

// requireEcho sends text and expects it back.
func requireEcho(t *testing.T, conn transport.Conn, text string) {
	t.Helper()
	carry(t, conn, conn, []byte(text))
}

func testAddr(t *testing.T, l transport.Listener, d transport.Dialer) {
	addr := l.Addr()
	require.NotEmpty(t, addr)
	require.False(t, strings.HasSuffix(addr, ":0"), "%q is not the real port", addr)
	require.NoError(t, l.Close())
	require.Equal(t, addr, l.Addr())
}

func testConnections(t *testing.T, l transport.Listener, d transport.Dialer) {
	serving := startEcho(l)
	texts := []string{"one", "two", "three", "four"}
	var conns []transport.Conn
	for range texts {
		conns = append(conns, dial(t, t.Context(), d))
	}
	for i, conn := range conns {
		require.NoError(t, startWrite(conn, []byte(texts[i])).wait(t))
	}
	for i, conn := range conns {
		require.Equal(t, texts[i], string(readN(t, conn, len(texts[i]))))
		require.NoError(t, conn.Close())
	}
	require.NoError(t, l.Close())
	require.ErrorIs(t, serving.wait(t), transport.ErrClosed)
}

func testCloseDuringAccept(t *testing.T, l transport.Listener, d transport.Dialer) {
	accept := func() error {
		_, err := l.Accept()
		return err
	}
	first, second := start(accept), start(accept)
	first.waitBlocked(t)
	second.waitBlocked(t)
	require.NoError(t, start(l.Close).wait(t))
	require.ErrorIs(t, first.wait(t), transport.ErrClosed)
	require.ErrorIs(t, second.wait(t), transport.ErrClosed)
}

func testAcceptAfterClose(t *testing.T, l transport.Listener, d transport.Dialer) {
	require.NoError(t, start(l.Close).wait(t))
	for range 3 {
		require.ErrorIs(t, start(func() error {
			conn, err := l.Accept()
			if conn != nil {
				conn.Close()
			}
			return err
		}).wait(t), transport.ErrClosed)
	}
}

func testListenerCloseConcurrent(t *testing.T, l transport.Listener, d transport.Dialer) {
	serving := startEcho(l)
	var closing []*op
	for range 8 {
		closing = append(closing, start(l.Close))
	}
	for _, o := range closing {
		require.NoError(t, o.wait(t))
	}
	require.ErrorIs(t, serving.wait(t), transport.ErrClosed)
	require.NoError(t, start(l.Close).wait(t))
}

func testCloseSparesAccepted(t *testing.T, l transport.Listener, d transport.Dialer) {
	serving := startEcho(l)
	conn := dial(t, t.Context(), d)
	requireEcho(t, conn, "before")
	require.NoError(t, start(l.Close).wait(t))
	requireEcho(t, conn, "after")
	require.NoError(t, conn.Close())
	require.ErrorIs(t, serving.wait(t), transport.ErrClosed)
}

func testDialCancelled(t *testing.T, l transport.Listener, d transport.Dialer) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, dialError(t, ctx, d), context.Canceled)
}

func testDialThenCancel(t *testing.T, l transport.Listener, d transport.Dialer) {
	serving := startEcho(l)
	ctx, cancel := context.WithCancel(t.Context())
	conn := dial(t, ctx, d)
	requireEcho(t, conn, "before")
	cancel()
	requireEcho(t, conn, "after")
	require.NoError(t, conn.Close())
	require.NoError(t, l.Close())
	require.ErrorIs(t, serving.wait(t), transport.ErrClosed)
}

func testDialAfterClose(t *testing.T, l transport.Listener, d transport.Dialer) {
	require.NoError(t, start(l.Close).wait(t))
	dialError(t, t.Context(), d)
}

// testCloseWhileDialling closes the listener while connections come in. Each
// attempt ends: it is served, refused, or broken off.
func testCloseWhileDialling(t *testing.T, l transport.Listener, d transport.Dialer) {
	serving := startEcho(l)
	first := make(chan struct{})
	dialling := start(func() error {
		for i := 0; ; i++ {
			conn, err := d.Dial(t.Context())
			if err != nil {
				return err
			}
			if i == 0 {
				close(first)
			}
			defer conn.Close()
		}
	})
	<-first
	require.NoError(t, start(l.Close).wait(t))
	require.Error(t, dialling.wait(t))
	require.ErrorIs(t, serving.wait(t), transport.ErrClosed)
}
