//go:build !js

package ws

import (
	"crypto/tls"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// Close of the library can block for 5 s twice. Here no time passes although nobody reads:
// the clock of the synctest bubble stands still.
func TestCloseDoesNotWaitForPeer(t *testing.T) {
	tests := map[string]func(c *conn){
		"idle": func(*conn) {},
		"reading": func(c *conn) {
			go c.Read(make([]byte, 1))
			synctest.Wait()
		},
		"writing": func(c *conn) {
			go c.Write(make([]byte, 1<<20))
			synctest.Wait()
		},
		"ending": func(c *conn) {
			go c.CloseWrite()
			synctest.Wait()
		},
		"writing and ending": func(c *conn) {
			go c.Write(make([]byte, 1<<20))
			waitUntil(func() bool {
				free := c.writeMu.TryLock()
				if free {
					c.writeMu.Unlock()
				}
				return !free
			})
			go c.CloseWrite()
			waitUntil(func() bool {
				c.mu.Lock()
				defer c.mu.Unlock()
				return c.ended != nil
			})
		},
	}
	for name, begin := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server, _ := transporttest.Certificates(t)
				for _, config := range []*tls.Config{nil, server} {
					var conns []*conn
					for range 5 {
						_, c := pipePair(t, config)
						begin(c)
						conns = append(conns, c)
					}
					before := time.Now()
					for _, c := range conns {
						require.NoError(t, c.Close())
					}
					require.Zero(t, time.Since(before), "Close waited")
				}
			})
		})
	}
}

// waitUntil replaces synctest.Wait in a bubble in which a goroutine waits for a mutex: synctest.Wait would
// wait for that goroutine.
func waitUntil(ok func() bool) {
	for !ok() {
		runtime.Gosched()
	}
}

// CloseWrite waits only a moment until its close frame is written, and the frame is
// not lost after that.
func TestCloseWriteDoesNotWaitForPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		peer, c := pipePair(t, nil)
		before := time.Now()
		require.NoError(t, c.CloseWrite())
		require.Equal(t, closeGrace, time.Since(before))
		_, err := c.Write([]byte("late"))
		require.ErrorIs(t, err, transport.ErrClosed)

		time.Sleep(time.Hour) // longer than any time limit of the library
		peer.wantClose(1000, "")
		go peer.sendFrame(opBinary, "still open")
		got := make([]byte, len("still open"))
		_, err = io.ReadFull(c, got)
		require.NoError(t, err)
		go peer.sendFrame(opClose, closePayload(1000, ""))
		_, err = c.Read(got)
		require.ErrorIs(t, err, io.EOF)
	})
}
