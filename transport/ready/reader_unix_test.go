//go:build unix

package ready

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A pool counts the borrowed buffers.
type pool struct {
	size int
	out  atomic.Int32
}

func (p *pool) Get() []byte {
	p.out.Add(1)
	return make([]byte, p.size)
}

func (p *pool) Put([]byte) { p.out.Add(-1) }

// pair connects two sockets, and makes a Reader of the first one.
func pair(t *testing.T, network, address string) (r *Reader, near, far net.Conn) {
	t.Helper()
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	defer l.Close()
	near, err = net.Dial(network, l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { near.Close() })
	far, err = l.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { far.Close() })
	r = &Reader{}
	require.NoError(t, r.Init(near.(Conn)))
	return r, near, far
}

func TestReader(t *testing.T) {
	networks := map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(t.TempDir(), "socket")}
	for network, address := range networks {
		t.Run(network, func(t *testing.T) {
			r, near, far := pair(t, network, address)
			p := &pool{size: 4}
			_, err := far.Write([]byte("hello"))
			require.NoError(t, err)
			buf, n, err := r.Read(p)
			require.NoError(t, err)
			require.Equal(t, "hell", string(buf[:n]))
			p.Put(buf)
			buf, n, err = r.Read(p)
			require.NoError(t, err)
			require.Equal(t, "o", string(buf[:n]))
			require.Len(t, buf, p.size)
			p.Put(buf)

			require.NoError(t, near.SetReadDeadline(time.Now().Add(-time.Second)))
			_, _, err = r.Read(p)
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.NoError(t, near.SetReadDeadline(time.Time{}))

			require.NoError(t, far.Close())
			_, _, err = r.Read(p)
			require.Equal(t, io.EOF, err)
			require.NoError(t, near.Close())
			_, _, err = r.Read(p)
			require.ErrorIs(t, err, net.ErrClosed)
			require.Zero(t, p.out.Load(), "buffers not put back")
		})
	}
}

func TestReaderWithoutBuffer(t *testing.T) {
	r, _, far := pair(t, "tcp", "127.0.0.1:0")
	_, err := far.Write([]byte("x"))
	require.NoError(t, err)
	_, _, err = r.Read(&pool{size: 0})
	require.ErrorIs(t, err, io.ErrShortBuffer)
}

func TestReaderReset(t *testing.T) {
	r, near, far := pair(t, "tcp", "127.0.0.1:0")
	require.NoError(t, far.(*net.TCPConn).SetLinger(0))
	require.NoError(t, far.Close())
	_, _, err := r.Read(&pool{size: 4})
	require.ErrorIs(t, err, syscall.ECONNRESET)
	var op *net.OpError
	require.True(t, errors.As(err, &op))
	require.Equal(t, near.LocalAddr(), op.Source)
	require.Equal(t, near.RemoteAddr(), op.Addr)
}

func TestReaderAllocatesNothing(t *testing.T) {
	r, _, far := pair(t, "tcp", "127.0.0.1:0")
	lent, sent := &one{buf: make([]byte, 4)}, []byte("x")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		if _, err := far.Write(sent); err != nil {
			panic(err)
		}
		if _, _, err := r.Read(lent); err != nil {
			panic(err)
		}
	}))
}

// A one lends the same buffer each time.
type one struct{ buf []byte }

func (p *one) Get() []byte { return p.buf }
func (*one) Put([]byte)    {}
