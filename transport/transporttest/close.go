package transporttest

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

var closeCases = []connCase{
	{"use after Close", testUseAfterClose},
	{"Close twice", testCloseTwice},
	{"Close from several goroutines", testCloseConcurrent},
	{"Close during a read", testCloseDuringRead},
	{"Close during a write", testCloseDuringWrite},
	{"Close during both", testCloseDuringBoth},
	{"peer closes during a read", testPeerCloseRead},
	{"peer closes during a write", testPeerCloseWrite},
	{"CloseWrite", testCloseWrite},
	{"CloseWrite during a read of the peer", testCloseWriteDuringRead},
	{"CloseWrite, then Close", testCloseWriteClose},
	{"CloseWrite from both ends", testCloseWriteBoth},
}

var halfCloseCases = []connCase{
	{"read after CloseWrite", testReadAfterCloseWrite},
}

func testUseAfterClose(t *testing.T, a, b transport.Conn) {
	greet(t, a, b)
	require.NoError(t, a.Close())
	require.ErrorIs(t, startRead(a, make([]byte, 1)).wait(t), transport.ErrClosed)
	require.ErrorIs(t, startWrite(a, []byte{1}).wait(t), transport.ErrClosed)
	require.ErrorIs(t, start(func() error {
		_, err := a.WriteBuffers([][]byte{{1}, {2}})
		return err
	}).wait(t), transport.ErrClosed)

	// These may return anything, but must return.
	require.NoError(t, start(func() error {
		a.CloseWrite()
		a.SetReadDeadline(far())
		a.SetWriteDeadline(far())
		return nil
	}).wait(t))
}

func testCloseTwice(t *testing.T, a, b transport.Conn) {
	greet(t, a, b)
	require.NoError(t, start(a.Close).wait(t))
	require.NoError(t, start(a.Close).wait(t))
}

func testCloseConcurrent(t *testing.T, a, b transport.Conn) {
	var closing []*op
	for _, c := range []transport.Conn{a, b, a, b, a, b, a, b} {
		closing = append(closing, start(func() error {
			c.Close() // either end may find that the other end has closed before
			return nil
		}))
	}
	for _, o := range closing {
		require.NoError(t, o.wait(t))
	}
	require.ErrorIs(t, startRead(a, make([]byte, 1)).wait(t), transport.ErrClosed)
	require.ErrorIs(t, startRead(b, make([]byte, 1)).wait(t), transport.ErrClosed)
}

func testCloseDuringRead(t *testing.T, a, b transport.Conn) {
	reading := startRead(a, make([]byte, 1))
	reading.waitBlocked(t)
	require.NoError(t, start(a.Close).wait(t))
	require.ErrorIs(t, reading.wait(t), transport.ErrClosed)
}

func testCloseDuringWrite(t *testing.T, a, b transport.Conn) {
	writing := startFlood(a)
	writing.waitBlocked(t)
	closing := start(func() error {
		a.Close() // Close may fail because it breaks off a write
		return nil
	})
	require.ErrorIs(t, writing.wait(t), transport.ErrClosed)
	require.NoError(t, closing.wait(t))
}

func testCloseDuringBoth(t *testing.T, a, b transport.Conn) {
	writing := startFlood(a)
	reading := startRead(a, make([]byte, 1))
	writing.waitBlocked(t)
	reading.waitBlocked(t)
	closing := start(func() error {
		a.Close()
		return nil
	})
	require.ErrorIs(t, writing.wait(t), transport.ErrClosed)
	require.ErrorIs(t, reading.wait(t), transport.ErrClosed)
	require.NoError(t, closing.wait(t))
}

func testPeerCloseRead(t *testing.T, a, b transport.Conn) {
	reading := startRead(a, make([]byte, 1))
	reading.waitBlocked(t)
	require.NoError(t, start(b.Close).wait(t))
	err := reading.wait(t)
	require.Error(t, err)
	require.NotErrorIs(t, err, transport.ErrClosed, "this end was not closed")
	require.False(t, isTimeout(err), "%v", err)
}

func testPeerCloseWrite(t *testing.T, a, b transport.Conn) {
	writing := startFlood(a)
	writing.waitBlocked(t)
	closing := start(func() error {
		b.Close()
		return nil
	})
	err := writing.wait(t)
	require.Error(t, err)
	require.NotErrorIs(t, err, transport.ErrClosed, "this end was not closed")
	require.False(t, isTimeout(err), "%v", err)
	require.NoError(t, closing.wait(t))
}

func testCloseWrite(t *testing.T, a, b transport.Conn) {
	want := pattern(200_000, 3)
	writing := start(func() error {
		if err := writeAll(a, want); err != nil {
			return err
		}
		return a.CloseWrite()
	})
	var got []byte
	require.NoError(t, startReadAll(b, &got).wait(t))
	require.NoError(t, writing.wait(t))
	require.True(t, bytes.Equal(want, got), "bytes differ from those written")

	require.ErrorIs(t, startRead(b, make([]byte, 1)).wait(t), io.EOF, "the end does not pass")
	require.Error(t, startWrite(a, []byte{1}).wait(t), "write after CloseWrite")
}

func testCloseWriteDuringRead(t *testing.T, a, b transport.Conn) {
	reading := startRead(b, make([]byte, 1))
	reading.waitBlocked(t)
	require.NoError(t, start(a.CloseWrite).wait(t))
	require.ErrorIs(t, reading.wait(t), io.EOF)
}

// testCloseWriteClose closes at once after CloseWrite, with nothing unread at this
// end: the written bytes still arrive, and then an orderly end.
func testCloseWriteClose(t *testing.T, a, b transport.Conn) {
	greet(t, a, b)
	want := pattern(200_000, 4)
	writing := start(func() error {
		if err := writeAll(a, want); err != nil {
			return err
		}
		if err := a.CloseWrite(); err != nil {
			return err
		}
		return a.Close()
	})
	var got []byte
	require.NoError(t, startReadAll(b, &got).wait(t))
	require.NoError(t, writing.wait(t))
	require.True(t, bytes.Equal(want, got), "bytes differ from those written")
}

// testCloseWriteBoth ends both directions: each end sees the other's end, whether
// it comes before or after its own.
func testCloseWriteBoth(t *testing.T, a, b transport.Conn) {
	var atA, atB []byte
	ending := start(func() error {
		if err := writeAll(a, []byte("bye")); err != nil {
			return err
		}
		return a.CloseWrite()
	})
	require.NoError(t, startReadAll(b, &atB).wait(t))
	require.NoError(t, ending.wait(t))
	require.Equal(t, "bye", string(atB))

	b.CloseWrite() // it may fail: some media answer the other end's CloseWrite by themselves
	require.NoError(t, startReadAll(a, &atA).wait(t))
	require.Empty(t, atA)
}

func testReadAfterCloseWrite(t *testing.T, a, b transport.Conn) {
	require.NoError(t, start(a.CloseWrite).wait(t))
	require.ErrorIs(t, startRead(b, make([]byte, 1)).wait(t), io.EOF)

	want := pattern(200_000, 5)
	writing := start(func() error {
		if err := writeAll(b, want); err != nil {
			return err
		}
		return b.CloseWrite()
	})
	var got []byte
	require.NoError(t, startReadAll(a, &got).wait(t))
	require.NoError(t, writing.wait(t))
	require.True(t, bytes.Equal(want, got), "bytes differ from those written")
}
