package transporttest

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

var streamCases = []connCase{
	{"order", testOrder},
	{"large writes both ways at once", testLargeWrites},
	{"large WriteBuffers both ways at once", testLargeBuffers},
	{"many buffers in one write", testManyBuffers},
	{"written buffers are not kept", testBuffersNotKept},
	{"nothing to write", testNothingToWrite},
	{"info", testInfo},
}

// testOrder writes in pieces of many sizes, with Write and WriteBuffers, and reads in
// pieces of other sizes.
func testOrder(t *testing.T, a, b transport.Conn) {
	want := pattern(300_000, 7)
	writing := start(func() error {
		for rest, size := want, 1; len(rest) > 0; size = size*3%4099 + 1 {
			n := min(size, len(rest))
			var err error
			if size%2 == 0 {
				err = writeAll(a, rest[:n])
			} else {
				_, err = a.WriteBuffers([][]byte{rest[:n/2], rest[n/2 : n]})
			}
			if err != nil {
				return err
			}
			rest = rest[n:]
		}
		return a.CloseWrite()
	})
	got := make([]byte, 0, len(want))
	reading := start(func() error {
		buf := make([]byte, 1777)
		for size := 1; len(got) < len(want); size = size*5%1777 + 1 {
			n, err := b.Read(buf[:size])
			got = append(got, buf[:n]...)
			if err != nil && len(got) < len(want) { // the last bytes may come with io.EOF
				return err
			}
		}
		return nil
	})
	require.NoError(t, writing.wait(t))
	require.NoError(t, reading.wait(t))
	require.True(t, bytes.Equal(want, got), "bytes differ from those written")
}

func testLargeWrites(t *testing.T, a, b transport.Conn) {
	const size = 4<<20 + 13
	bothWays(t, a, b, size, writeAll)
}

func testLargeBuffers(t *testing.T, a, b transport.Conn) {
	const size = 4<<20 + 13
	bothWays(t, a, b, size, func(c transport.Conn, p []byte) error {
		bufs := slices.Collect(slices.Chunk(p, 100_003))
		n, err := c.WriteBuffers(bufs)
		if err == nil && n != int64(len(p)) {
			return errCount
		}
		return err
	})
}

// bothWays sends size bytes in both directions at once, which hangs if one direction waits
// for the other.
func bothWays(t *testing.T, a, b transport.Conn, size int, write func(transport.Conn, []byte) error) {
	t.Helper()
	fromA, fromB := pattern(size, 1), pattern(size, 2)
	atA, atB := make([]byte, size), make([]byte, size)
	ops := []*op{
		start(func() error { return write(a, fromA) }),
		start(func() error { return write(b, fromB) }),
		startRead(a, atA),
		startRead(b, atB),
	}
	for _, o := range ops {
		require.NoError(t, o.wait(t))
	}
	require.True(t, bytes.Equal(fromA, atB), "bytes differ from those written")
	require.True(t, bytes.Equal(fromB, atA), "bytes differ from those written")
}

// testManyBuffers writes more buffers than one system call takes, including empty and
// large buffers.
func testManyBuffers(t *testing.T, a, b transport.Conn) {
	const count = 5000
	var bufs [][]byte
	var want []byte
	for i := range count {
		size := i % 5
		if i%1000 == 500 {
			size = 70_000
		}
		p := pattern(size, byte(i))
		want = append(want, p...)
		bufs = append(bufs, p)
	}
	bufs = append([][]byte{nil, {}}, append(bufs, nil, []byte{})...)
	kept := slices.Clone(bufs)

	var written int64
	got := make([]byte, len(want))
	reading := startRead(b, got)
	writing := start(func() (err error) {
		written, err = a.WriteBuffers(bufs)
		return err
	})
	require.NoError(t, writing.wait(t))
	require.Equal(t, int64(len(want)), written)
	require.NoError(t, reading.wait(t))
	require.True(t, bytes.Equal(want, got), "bytes differ from those written")
	require.True(t, bytes.Equal(want, bytes.Join(kept, nil)), "WriteBuffers changed the bytes that it was given")
}

// testBuffersNotKept changes the bytes that it wrote as soon as the write returns.
func testBuffersNotKept(t *testing.T, a, b transport.Conn) {
	const rounds, size = 200, 300
	writing := start(func() error {
		p, q := make([]byte, size), make([]byte, size)
		bufs := make([][]byte, 2)
		for i := range rounds {
			copy(p, pattern(size, byte(i)))
			copy(q, pattern(size, byte(i)))
			if err := writeAll(a, p); err != nil {
				return err
			}
			clear(p)
			bufs[0], bufs[1] = q[:size/2], q[size/2:]
			if _, err := a.WriteBuffers(bufs); err != nil {
				return err
			}
			clear(q)
			clear(bufs)
		}
		return nil
	})
	got := readN(t, b, 2*rounds*size)
	require.NoError(t, writing.wait(t))
	for i := range 2 * rounds {
		require.Equal(t, pattern(size, byte(i/2)), got[i*size:(i+1)*size], "write %d", i)
	}
}

func testNothingToWrite(t *testing.T, a, b transport.Conn) {
	writing := start(func() error {
		for _, p := range [][]byte{nil, {}} {
			if err := writeAll(a, p); err != nil {
				return err
			}
		}
		for _, bufs := range [][][]byte{nil, {}, {nil}, {{}, nil, {}}} {
			n, err := a.WriteBuffers(bufs)
			if err != nil {
				return err
			}
			if n != 0 {
				return errCount
			}
		}
		return writeAll(a, []byte("after"))
	})
	require.Equal(t, "after", string(readN(t, b, len("after"))))
	require.NoError(t, writing.wait(t))
}

func testInfo(t *testing.T, a, b transport.Conn) {
	before := a.Info()
	require.NotEmpty(t, before.Transport)
	require.Equal(t, before.Transport, b.Info().Transport)
	greet(t, a, b)
	require.NoError(t, a.Close())
	after := a.Info()
	before.HandshakeFunc, after.HandshakeFunc = nil, nil // functions cannot be compared
	require.Equal(t, before, after)
}
