package transporttest

import (
	"bytes"
	"io"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// readyCases are for connections that are a [transport.ReadyReader]. For other connections they do nothing.
var readyCases = []connCase{
	{"ReadReady reads all in order", onReady(testReadyStream)},
	{"ReadReady waits without a buffer", onReady(testReadyWaiting)},
	{"ReadReady fails without a buffer", onReady(testReadyErrors)},
	{"deadline passes during ReadReady", onReady(testReadyDeadline)},
	{"Close during ReadReady", onReady(testReadyClose)},
}

func onReady(run func(t *testing.T, r readyConn, b transport.Conn)) func(t *testing.T, a, b transport.Conn) {
	return func(t *testing.T, a, b transport.Conn) {
		if r, ok := a.(readyConn); ok {
			run(t, r, b)
		}
	}
}

type readyConn interface {
	transport.Conn
	transport.ReadyReader
}

// A countingPool counts the buffers that are borrowed.
type countingPool struct {
	size int
	out  atomic.Int32
}

func (p *countingPool) Get() []byte {
	p.out.Add(1)
	return make([]byte, p.size)
}

func (p *countingPool) Put(buf []byte) {
	if len(buf) != p.size {
		panic("transporttest: a buffer came back cut")
	}
	p.out.Add(-1)
}

func testReadyStream(t *testing.T, a readyConn, b transport.Conn) {
	want := pattern(500_000, 6)
	writing := start(func() error {
		for rest, size := want, 1; len(rest) > 0; size = size*7%30_011 + 1 {
			n := min(size, len(rest))
			if err := writeAll(b, rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return b.CloseWrite()
	})

	pool := &countingPool{size: 1000}
	var got []byte
	small := make([]byte, 77)
	reading := start(func() error {
		for i := 0; ; i++ {
			if i%3 == 2 { // Read and ReadReady in turn
				n, err := a.Read(small)
				got = append(got, small[:n]...)
				if err != nil {
					return err
				}
				continue
			}
			buf, n, err := a.ReadReady(pool)
			if err != nil {
				return err
			}
			if n < 1 || len(buf) != pool.size {
				return errCount
			}
			got = append(got, buf[:n]...)
			pool.Put(buf)
		}
	})
	require.NoError(t, writing.wait(t))
	require.ErrorIs(t, reading.wait(t), io.EOF)
	require.True(t, bytes.Equal(want, got), "bytes differ from those written")
	require.Zero(t, pool.out.Load(), "buffers not put back")
}

// putBackWait is the time in which a waiting transport must put its buffer back.
const putBackWait = 5 * time.Second

func testReadyWaiting(t *testing.T, a readyConn, b transport.Conn) {
	pool := &countingPool{size: 100}
	for i := range byte(3) {
		var buf []byte
		var n int
		reading := start(func() (err error) {
			buf, n, err = a.ReadReady(pool)
			return err
		})
		reading.waitBlocked(t)
		require.Eventually(t, func() bool { return pool.out.Load() == 0 },
			putBackWait, time.Millisecond, "a buffer is borrowed while waiting")
		require.NoError(t, startWrite(b, []byte{i}).wait(t))
		require.NoError(t, reading.wait(t))
		require.Equal(t, []byte{i}, buf[:n])
		require.Equal(t, int32(1), pool.out.Load())
		pool.Put(buf)
	}
}

// startReady reads once, and checks that an error comes without a buffer and with 0 bytes.
func startReady(a readyConn, pool *countingPool) *op {
	return start(func() error {
		buf, n, err := a.ReadReady(pool)
		if err != nil && (buf != nil || n != 0) {
			return errCount
		}
		return err
	})
}

func testReadyErrors(t *testing.T, a readyConn, b transport.Conn) {
	pool := &countingPool{size: 100}
	require.NoError(t, start(b.CloseWrite).wait(t))
	require.ErrorIs(t, startReady(a, pool).wait(t), io.EOF)
	require.Zero(t, pool.out.Load(), "buffer kept at the end of the stream")

	require.NoError(t, start(a.Close).wait(t))
	require.ErrorIs(t, startReady(a, pool).wait(t), transport.ErrClosed)
	require.Zero(t, pool.out.Load(), "buffer kept after Close")
}

func testReadyDeadline(t *testing.T, a readyConn, b transport.Conn) {
	pool := &countingPool{size: 100}
	require.NoError(t, a.SetReadDeadline(far()))
	reading := startReady(a, pool)
	reading.waitBlocked(t)
	require.NoError(t, a.SetReadDeadline(past()))
	requireTimeout(t, reading.wait(t))
	requireTimeout(t, startReady(a, pool).wait(t))
	require.Zero(t, pool.out.Load(), "buffer kept after a deadline")
}

func testReadyClose(t *testing.T, a readyConn, b transport.Conn) {
	pool := &countingPool{size: 100}
	reading := startReady(a, pool)
	reading.waitBlocked(t)
	require.NoError(t, start(a.Close).wait(t))
	require.ErrorIs(t, reading.wait(t), transport.ErrClosed)
	require.Zero(t, pool.out.Load(), "buffer kept after Close")
}
