//go:build unix

package tcp_test

import (
	"io"
	"os/signal"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// TestInterrupt stops a server as Ctrl-C does.
func TestInterrupt(t *testing.T) {
	ctx, stop := signal.NotifyContext(t.Context(), syscall.SIGINT)
	defer stop()
	l := listen(t, "127.0.0.1:0", nil)
	accepting := make(chan error, 1)
	go func() {
		_, err := l.Accept()
		accepting <- err
	}()
	closing := make(chan error, 1)
	go func() {
		<-ctx.Done()
		closing <- l.Close()
	}()
	require.NoError(t, syscall.Kill(syscall.Getpid(), syscall.SIGINT))
	require.NoError(t, <-closing)
	require.ErrorIs(t, <-accepting, transport.ErrClosed)
}

// onePool lends one buffer.
type onePool struct {
	mu  sync.Mutex
	buf []byte
}

func newOnePool(size int) *onePool { return &onePool{buf: make([]byte, size)} }

func (p *onePool) Get() (buf []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	buf, p.buf = p.buf, nil
	return buf
}

func (p *onePool) Put(buf []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.buf = buf
}

// TestReset breaks off the connection instead of ending it.
func TestReset(t *testing.T) {
	tests := map[string]func(c transport.Conn) error{
		"Read": func(c transport.Conn) error {
			_, err := c.Read(make([]byte, 1))
			return err
		},
		"ReadReady": func(c transport.Conn) error {
			pool := newOnePool(10)
			_, _, err := c.(transport.ReadyReader).ReadReady(pool)
			require.NotNil(t, pool.Get(), "buffer kept")
			return err
		},
	}
	for name, read := range tests {
		t.Run(name, func(t *testing.T) {
			l := listen(t, "127.0.0.1:0", nil)
			raw := dialRaw(t, l)
			conn := accept(t, l)
			require.NoError(t, raw.SetLinger(0))
			require.NoError(t, raw.Close())
			err := read(conn)
			require.ErrorIs(t, err, syscall.ECONNRESET)
			require.NotErrorIs(t, err, io.EOF)
			require.ErrorContains(t, err, conn.Info().Remote)
		})
	}
}

func TestReadReadyEmptyBuffer(t *testing.T) {
	l := listen(t, "127.0.0.1:0", nil)
	a, b := connect(t, l, nil)
	_, err := a.Write([]byte{1})
	require.NoError(t, err)
	_, _, err = b.(transport.ReadyReader).ReadReady(newOnePool(0))
	require.ErrorIs(t, err, io.ErrShortBuffer, "not the end of the stream")
}

func TestNoAllocations(t *testing.T) {
	l := listen(t, "127.0.0.1:0", nil)
	a, b := connect(t, l, nil)
	pool := newOnePool(1024)
	bufs := make([][]byte, 3)
	p := make([]byte, 64)
	require.Zero(t, testing.AllocsPerRun(200, func() {
		bufs[0], bufs[1], bufs[2] = p[:10], p[10:20], p[20:]
		exchange(t, a, b, bufs, pool)
	}))
}

// exchange carries bufs from a to b.
func exchange(t testing.TB, a, b transport.Conn, bufs [][]byte, pool transport.BufferPool) {
	sent, err := a.WriteBuffers(bufs)
	if err != nil {
		t.Fatal(err)
	}
	for got := 0; got < int(sent); {
		buf, n, err := b.(transport.ReadyReader).ReadReady(pool)
		if err != nil {
			t.Fatal(err)
		}
		got += n
		pool.Put(buf)
	}
}
