package transport_test

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

func connectPipe(t *testing.T) (a, b transport.Conn, stop func()) {
	a, b = transport.Pipe()
	require.Implements(t, (*transport.ReadyReader)(nil), a)
	return a, b, nil
}

func TestPipe(t *testing.T) {
	transporttest.Run(t, connectPipe)
	transporttest.RunHalfClose(t, connectPipe)
}

func TestPipeListener(t *testing.T) {
	transporttest.RunListener(t, func(t *testing.T) (transport.Listener, transport.Dialer, func()) {
		l := transport.NewPipeListener()
		return l, l, nil
	})
}

func TestPipeBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := transport.Pipe()
		defer a.Close()
		defer b.Close()

		const bound = 64 << 10
		_, err := a.Write(make([]byte, bound))
		require.NoError(t, err, "a full buffer does not wait")

		wrote := make(chan error, 1)
		go func() {
			_, err := a.Write([]byte{1})
			wrote <- err
		}()
		synctest.Wait()
		require.Empty(t, wrote, "a write beyond the bound waits")

		_, err = b.Read(make([]byte, 1))
		require.NoError(t, err)
		require.NoError(t, <-wrote)
	})
}

func TestPipeDeadlineClock(t *testing.T) {
	tests := map[string]struct {
		set func(c transport.Conn, t time.Time) error
		run func(c transport.Conn) error
	}{
		"read": {
			transport.Conn.SetReadDeadline,
			func(c transport.Conn) error {
				_, err := c.Read(make([]byte, 1))
				return err
			},
		},
		"write": {
			transport.Conn.SetWriteDeadline,
			func(c transport.Conn) error {
				_, err := c.Write(make([]byte, 1<<20))
				return err
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := transport.Pipe()
				defer a.Close()
				defer b.Close()

				begin := time.Now()
				require.NoError(t, tc.set(a, begin.Add(time.Minute)))
				var timeout interface{ Timeout() bool }
				require.ErrorAs(t, tc.run(a), &timeout)
				require.True(t, timeout.Timeout())
				require.Equal(t, time.Minute, time.Since(begin), "neither early nor late")

				require.NoError(t, tc.set(a, time.Now().Add(time.Hour)))
				require.Error(t, tc.run(a))
				require.Equal(t, time.Hour+time.Minute, time.Since(begin), "a new deadline counts")
			})
		})
	}
}

func TestPipeClosedByPeer(t *testing.T) {
	a, b := transport.Pipe()
	_, err := a.Write([]byte("last words"))
	require.NoError(t, err)
	require.NoError(t, a.Close())

	_, err = b.Write([]byte{1})
	require.ErrorIs(t, err, io.ErrClosedPipe)
	got, err := io.ReadAll(b)
	require.NoError(t, err)
	require.Equal(t, "last words", string(got))
	require.NoError(t, b.Close())
}

func TestPipeListenerCloseRefusesBacklog(t *testing.T) {
	l := transport.NewPipeListener()
	conn, err := l.Dial(t.Context())
	require.NoError(t, err, "Dial does not wait for Accept")
	require.NoError(t, l.Close())
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	require.NoError(t, conn.Close())
}

func TestPipeListenerDialWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := transport.NewPipeListener()
		defer l.Close()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		dialled := 0
		var err error
		for err == nil {
			if _, err = l.Dial(ctx); err == nil {
				dialled++
			}
		}
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 128, dialled)
	})
}

func TestPipeListenerAddresses(t *testing.T) {
	l := transport.NewPipeListener()
	defer l.Close()
	for _, addr := range []string{"pipe:1", "pipe:2"} {
		here, err := l.Dial(t.Context())
		require.NoError(t, err)
		there, err := l.Accept()
		require.NoError(t, err)
		require.Equal(t, transport.Info{Transport: "pipe", Local: addr, Remote: "pipe"}, here.Info())
		require.Equal(t, transport.Info{Transport: "pipe", Local: "pipe", Remote: addr}, there.Info())
	}
}
