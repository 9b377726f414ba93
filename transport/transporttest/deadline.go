package transporttest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

var deadlineCases = []connCase{
	{"read deadline passed before", testReadDeadlinePast},
	{"read deadline passes", testReadDeadlineFuture},
	{"read deadline set during a read", testReadDeadlineUnderWay},
	{"read deadline cleared in time", testReadDeadlineCleared},
	{"write deadline passed before", testWriteDeadlinePast},
	{"write deadline passes", testWriteDeadlineFuture},
	{"write deadline set during a write", testWriteDeadlineUnderWay},
	{"write deadline cleared in time", testWriteDeadlineCleared},
	{"deadlines of one direction spare the other", testDeadlineDirections},
	{"deadline does not end what is in time", testDeadlineInTime},
}

// soon returns a deadline that passes during the test, far a deadline that does not.
func soon() time.Time { return time.Now().Add(20 * time.Millisecond) }
func far() time.Time  { return time.Now().Add(time.Hour) }
func past() time.Time { return time.Now().Add(-time.Hour) }

func requireTimeout(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	require.True(t, isTimeout(err), "not a timeout: %T %v", err, err)
}

func testReadDeadlinePast(t *testing.T, a, b transport.Conn) {
	require.NoError(t, a.SetReadDeadline(past()))
	requireTimeout(t, startRead(a, make([]byte, 1)).wait(t))
}

func testReadDeadlineFuture(t *testing.T, a, b transport.Conn) {
	require.NoError(t, a.SetReadDeadline(soon()))
	requireTimeout(t, startRead(a, make([]byte, 1)).wait(t))
}

func testReadDeadlineUnderWay(t *testing.T, a, b transport.Conn) {
	require.NoError(t, a.SetReadDeadline(far()))
	reading := startRead(a, make([]byte, 1))
	reading.waitBlocked(t)
	require.NoError(t, a.SetReadDeadline(past()))
	requireTimeout(t, reading.wait(t))
}

func testReadDeadlineCleared(t *testing.T, a, b transport.Conn) {
	require.NoError(t, a.SetReadDeadline(far()))
	buf := make([]byte, 1)
	reading := startRead(a, buf)
	reading.waitBlocked(t)
	require.NoError(t, a.SetReadDeadline(soon()))
	require.NoError(t, a.SetReadDeadline(time.Time{}))
	time.Sleep(time.Until(soon())) // until the cleared deadline would have passed
	require.NoError(t, startWrite(b, []byte{9}).wait(t))
	require.NoError(t, reading.wait(t))
	require.Equal(t, []byte{9}, buf)
}

func testWriteDeadlinePast(t *testing.T, a, b transport.Conn) {
	require.NoError(t, a.SetWriteDeadline(past()))
	requireTimeout(t, startFlood(a).wait(t))
}

func testWriteDeadlineFuture(t *testing.T, a, b transport.Conn) {
	require.NoError(t, a.SetWriteDeadline(soon()))
	requireTimeout(t, startFlood(a).wait(t))
}

func testWriteDeadlineUnderWay(t *testing.T, a, b transport.Conn) {
	require.NoError(t, a.SetWriteDeadline(far()))
	writing := startFlood(a)
	writing.waitBlocked(t)
	require.NoError(t, a.SetWriteDeadline(past()))
	requireTimeout(t, writing.wait(t))
}

func testWriteDeadlineCleared(t *testing.T, a, b transport.Conn) {
	require.NoError(t, a.SetWriteDeadline(far()))
	require.NoError(t, a.SetWriteDeadline(soon()))
	require.NoError(t, a.SetWriteDeadline(time.Time{}))
	time.Sleep(time.Until(soon())) // until the cleared deadline would have passed
	carry(t, a, b, []byte{9})
}

func testDeadlineDirections(t *testing.T, a, b transport.Conn) {
	require.NoError(t, a.SetWriteDeadline(past()))
	carry(t, b, a, []byte{3})

	require.NoError(t, b.SetReadDeadline(past()))
	carry(t, b, a, []byte{4})
}

func testDeadlineInTime(t *testing.T, a, b transport.Conn) {
	for _, c := range []transport.Conn{a, b} {
		require.NoError(t, c.SetReadDeadline(far()))
		require.NoError(t, c.SetWriteDeadline(far()))
	}
	greet(t, a, b)
}
