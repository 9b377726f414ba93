package transporttest

import (
	"io"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// sleepCases are for connections that are a [transport.Sleeper] and can sleep. For other
// connections they do nothing.
var sleepCases = []connCase{
	{"Sleep ends with input", onSleep(testSleepInput)},
	{"Sleep ends with input that is there already", onSleep(testSleepLate)},
	{"Sleep ends with the stream", onSleep(testSleepEnd)},
	{"Close during Sleep", onSleep(testSleepClose)},
	{"deadline during Sleep", onSleep(testSleepDeadline)},
}

type sleepConn interface {
	readyConn
	transport.Sleeper
}

func onSleep(run func(t *testing.T, a sleepConn, b transport.Conn)) func(t *testing.T, a, b transport.Conn) {
	return func(t *testing.T, a, b transport.Conn) {
		greet(t, a, b) // the handshake of the medium is over
		greet(t, b, a)
		if s, ok := a.(sleepConn); ok {
			run(t, s, b)
		}
	}
}

// startSleep puts a to sleep. It returns an op that is done once a is woken, or nil if a cannot
// sleep.
func startSleep(a sleepConn) *op {
	woken := make(chan error, 2)
	if !a.Sleep(func() { woken <- nil }) {
		return nil
	}
	return start(func() error { return <-woken })
}

func testSleepInput(t *testing.T, a sleepConn, b transport.Conn) {
	pool := &countingPool{size: 100}
	for i := range byte(3) {
		sleeping := startSleep(a)
		if sleeping == nil {
			return
		}
		require.False(t, a.Sleep(func() { panic("transporttest: it sleeps already") }))
		sleeping.waitBlocked(t)
		require.NoError(t, startWrite(b, []byte{i}).wait(t))
		require.NoError(t, sleeping.wait(t))
		buf, n, err := a.ReadReady(pool)
		require.NoError(t, err)
		require.Equal(t, []byte{i}, buf[:n])
		pool.Put(buf)
	}
}

func testSleepLate(t *testing.T, a sleepConn, b transport.Conn) {
	require.NoError(t, startWrite(b, []byte("late")).wait(t))
	if sleeping := startSleep(a); sleeping != nil {
		require.NoError(t, sleeping.wait(t))
	}
	require.Equal(t, []byte("late"), readN(t, a, 4))
}

func testSleepEnd(t *testing.T, a sleepConn, b transport.Conn) {
	if sleeping := startSleep(a); sleeping != nil {
		require.NoError(t, start(b.CloseWrite).wait(t))
		require.NoError(t, sleeping.wait(t))
		require.ErrorIs(t, startReady(a, &countingPool{size: 100}).wait(t), io.EOF)
	}
}

func testSleepClose(t *testing.T, a sleepConn, _ transport.Conn) {
	sleeping := startSleep(a)
	require.NoError(t, start(a.Close).wait(t))
	if sleeping != nil {
		require.NoError(t, sleeping.wait(t))
	}
	require.False(t, a.Sleep(func() { panic("transporttest: it is closed") }))
	require.ErrorIs(t, startReady(a, &countingPool{size: 100}).wait(t), transport.ErrClosed)
}

func testSleepDeadline(t *testing.T, a sleepConn, _ transport.Conn) {
	sleeping := startSleep(a)
	if sleeping == nil {
		return
	}
	require.NoError(t, a.SetReadDeadline(time.Now().Add(10*time.Millisecond)))
	require.NoError(t, sleeping.wait(t))
	require.False(t, a.Sleep(func() { panic("transporttest: it has a deadline") }))
	require.ErrorIs(t, startReady(a, &countingPool{size: 100}).wait(t), os.ErrDeadlineExceeded)
	require.NoError(t, a.SetReadDeadline(time.Time{}))
	sleeping = startSleep(a)
	require.NotNil(t, sleeping)
	require.NoError(t, start(a.Close).wait(t))
	require.NoError(t, sleeping.wait(t))
}
