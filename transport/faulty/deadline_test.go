package faulty_test

import (
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/faulty"
)

// A deadline ends a wait for the script. The next operation goes on with the rest of the wait:
// no byte is lost, and nothing waits twice.
func TestDeadlineReading(t *testing.T) {
	tests := map[string]faulty.Fault{
		"stalled": faulty.Stall(10 * time.Second),
		"delayed": faulty.Delay(10 * time.Second),
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			inPair(t, faulty.Script{faulty.Read(0, fault)}, func(t *testing.T, c, peer transport.Conn) {
				send(t, peer, "abc")
				start := time.Now()
				require.NoError(t, c.SetReadDeadline(start.Add(4*time.Second)))
				_, err := c.Read(make([]byte, 3))
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				require.Equal(t, 4*time.Second, time.Since(start))
				_, _, err = c.(transport.ReadyReader).ReadReady(&pool{})
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				require.Equal(t, 4*time.Second, time.Since(start))

				require.NoError(t, c.SetReadDeadline(time.Time{}))
				require.Equal(t, "abc", readOnce(t, c))
				require.Equal(t, 10*time.Second, time.Since(start))
			})
		})
	}
}

func TestDeadlineWriting(t *testing.T) {
	tests := map[string]faulty.Fault{
		"stalled": faulty.Stall(10 * time.Second),
		"delayed": faulty.Delay(10 * time.Second),
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			inPair(t, faulty.Script{faulty.Write(2, fault)}, func(t *testing.T, c, peer transport.Conn) {
				start := time.Now()
				require.NoError(t, c.SetWriteDeadline(start.Add(4*time.Second)))
				n, err := c.Write([]byte("abc"))
				require.ErrorIs(t, err, os.ErrDeadlineExceeded)
				require.Equal(t, 2, n)
				require.Equal(t, 4*time.Second, time.Since(start))
				require.NoError(t, c.SetWriteDeadline(start.Add(time.Hour)))
				send(t, c, "c")
				require.Equal(t, 10*time.Second, time.Since(start))
				require.Equal(t, "abc", receive(t, peer, 3))
			})
		})
	}
}

// A deadline may be set, changed and removed while the script holds an operation up.
func TestDeadlineWhileStalled(t *testing.T) {
	inPair(t, faulty.Script{faulty.Read(0, faulty.Stall(0))}, func(t *testing.T, c, _ transport.Conn) {
		done := make(chan error, 1)
		read := func() {
			_, err := c.Read(make([]byte, 1))
			done <- err
		}
		start := time.Now()
		go read()
		synctest.Wait()
		require.NoError(t, c.SetReadDeadline(start.Add(time.Second)))
		require.NoError(t, c.SetReadDeadline(start.Add(time.Hour)))
		require.ErrorIs(t, <-done, os.ErrDeadlineExceeded)
		require.Equal(t, time.Hour, time.Since(start))

		require.NoError(t, c.SetReadDeadline(time.Time{}))
		go read()
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Empty(t, done)
		require.NoError(t, c.SetReadDeadline(start))
		require.ErrorIs(t, <-done, os.ErrDeadlineExceeded)
	})
}

// Setting a deadline of a closed conn leaves no timer behind, and fails with ErrClosed.
func TestDeadlineAfterClose(t *testing.T) {
	inPair(t, nil, func(t *testing.T, c, _ transport.Conn) {
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Hour)))
		require.NoError(t, c.Close())
		require.ErrorIs(t, c.SetReadDeadline(time.Now().Add(time.Hour)), transport.ErrClosed)
		require.ErrorIs(t, c.SetWriteDeadline(time.Now().Add(time.Hour)), transport.ErrClosed)
	})
}
