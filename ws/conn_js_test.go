package ws

import (
	"context"
	"io"
	"strings"
	"syscall/js"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

const (
	patience = transporttest.Patience
	tick     = time.Millisecond
)

func TestDialInBrowser(t *testing.T) {
	peer, c := dialFake(t, nil)
	require.Equal(t, "ws://example.com:8080/ws", peer.Get("url").String())
	require.Equal(t, transport.Info{Transport: "ws", Remote: "example.com:8080"}, c.Info())
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	peer.wantClose(t, 0, "")
	peer.requireReleased(t, c)
	peer.Call("end", 1006, "")
	require.ErrorIs(t, c.SetReadDeadline(time.Time{}), transport.ErrClosed)
	require.ErrorIs(t, c.SetWriteDeadline(time.Time{}), transport.ErrClosed)
	require.ErrorIs(t, c.CloseWrite(), transport.ErrClosed)
}

func TestDialFailsInBrowser(t *testing.T) {
	t.Run("no connection", func(t *testing.T) {
		peer, dialled := startDial(t, context.Background(), nil)
		handler := peer.Get("onclose")
		peer.Call("fire", "error")
		peer.Call("end", 1006, "")
		_, err := dialled()
		require.ErrorContains(t, err, "close code 1006")
		peer.requireReleased(t, &conn{onEvent: js.Func{Value: handler}})
	})
	t.Run("context ends", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		peer, dialled := startDial(t, ctx, nil)
		handler := peer.Get("onclose")
		cancel()
		_, err := dialled()
		require.ErrorIs(t, err, context.Canceled)
		peer.wantClose(t, 0, "")
		peer.requireReleased(t, &conn{onEvent: js.Func{Value: handler}})
		peer.Call("open") // too late
	})
	t.Run("context has ended", func(t *testing.T) {
		useFake(t)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := Dialer("ws://example.com", nil).Dial(ctx)
		require.ErrorIs(t, err, context.Canceled)
		require.Zero(t, fakes())
	})
	t.Run("constructor throws", func(t *testing.T) {
		useFake(t)
		_, err := Dialer("ws://example.com/forbidden", nil).Dial(context.Background())
		require.ErrorContains(t, err, "not from this page")
	})
	t.Run("no WebSocket", func(t *testing.T) {
		useFake(t)
		js.Global().Set("WebSocket", js.Undefined())
		_, err := Dialer("ws://example.com", nil).Dial(context.Background())
		require.ErrorContains(t, err, "no WebSocket")
	})
}

func TestReadInBrowser(t *testing.T) {
	peer, c := dialFake(t, nil)
	reading := make(chan string)
	go func() {
		got := make([]byte, 6)
		io.ReadFull(c, got)
		reading <- string(got)
	}()
	peer.message("ab")
	peer.message("")
	peer.message("cdefg")
	require.Equal(t, "abcdef", <-reading)

	buf, n, err := c.ReadReady(pool{})
	require.NoError(t, err)
	require.Equal(t, "g", string(buf[:n]))

	for range 3 { // the inbox is used several times
		peer.message(strings.Repeat("x", 5000))
		peer.message(strings.Repeat("y", 5000))
		got := make([]byte, 9000)
		_, err = io.ReadFull(c, got)
		require.NoError(t, err)
		peer.message("end")
		got = make([]byte, 1003)
		_, err = io.ReadFull(c, got)
		require.NoError(t, err)
		require.Equal(t, strings.Repeat("y", 1000)+"end", string(got))
	}
}

type pool struct{}

func (pool) Get() []byte { return make([]byte, 100) }
func (pool) Put([]byte)  {}

// An empty buffer of the pool is an error and takes no bytes: no bytes without an error would look like a stream that
// has nothing to read.
func TestReadReadyEmptyBufferInBrowser(t *testing.T) {
	peer, c := dialFake(t, nil)
	peer.message("ab")
	buf, n, err := c.ReadReady(emptyPool{})
	require.ErrorIs(t, err, io.ErrShortBuffer)
	require.Nil(t, buf)
	require.Zero(t, n)
	buf, n, err = c.ReadReady(pool{})
	require.NoError(t, err)
	require.Equal(t, "ab", string(buf[:n]))
}

type emptyPool struct{ pool }

func (emptyPool) Get() []byte { return nil }

func TestEndsInBrowser(t *testing.T) {
	tests := map[string]struct {
		end       func(peer fakePeer, c *conn)
		want      error
		closeCode int // close code that the conn sends
	}{
		"peer, in order": {
			end:  func(p fakePeer, _ *conn) { p.Call("end", 1000, "") },
			want: io.EOF,
		},
		"peer, broken off": {
			end:  func(p fakePeer, _ *conn) { p.Call("end", 1006, "") },
			want: io.ErrUnexpectedEOF,
		},
		"peer, with a code": {
			end:  func(p fakePeer, _ *conn) { p.Call("end", 4000, "why") },
			want: &CloseError{4000, "why"},
		},
		"text": {
			end:       func(p fakePeer, _ *conn) { p.Call("text", "text"); p.message("more") },
			want:      ErrText,
			closeCode: codePageText,
		},
		"too much": {
			end:       func(p fakePeer, _ *conn) { p.message("1234567"); p.message("more") },
			want:      ErrQueueFull,
			closeCode: codePageFull,
		},
		"this side": {
			end: func(p fakePeer, c *conn) {
				c.CloseWrite()
				p.Call("end", 1000, "")
			},
			want:      io.EOF,
			closeCode: 1000,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			peer, c := dialFake(t, &DialOptions{QueueBytes: 10})
			peer.message("last")
			tc.end(peer, c)
			got := make([]byte, 4)
			_, err := io.ReadFull(c, got)
			require.NoError(t, err, "what had arrived is read")
			require.Equal(t, "last", string(got))
			for range 2 {
				_, err = c.Read(got)
				if closed, ok := tc.want.(*CloseError); ok {
					require.Equal(t, closed, err)
				} else {
					require.ErrorIs(t, err, tc.want)
				}
			}
			_, err = c.Write([]byte("x"))
			require.Error(t, err)
			require.Empty(t, peer.sent())
			if tc.closeCode != 0 {
				require.Equal(t, tc.closeCode, peer.Get("closes").Index(0).Index(0).Int())
			}
			require.NoError(t, c.Close())
			peer.requireReleased(t, c)
		})
	}
}

func TestQueueHasRoomAgain(t *testing.T) {
	peer, c := dialFake(t, &DialOptions{QueueBytes: 10})
	for range 5 {
		peer.message("12345")
		peer.message("67890")
		got := make([]byte, 10)
		_, err := io.ReadFull(c, got)
		require.NoError(t, err)
		require.Equal(t, "1234567890", string(got))
	}
}

func TestWriteInBrowser(t *testing.T) {
	peer, c := dialFake(t, nil)
	n, err := c.WriteBuffers([][]byte{[]byte("one "), nil, []byte("message")})
	require.NoError(t, err)
	require.Equal(t, int64(11), n)
	_, err = c.Write([]byte("another"))
	require.NoError(t, err)
	_, err = c.Write(nil)
	require.NoError(t, err)
	require.Equal(t, []string{"one message", "another"}, peer.sent())

	peer.Set("readyState", 2)
	_, err = c.Write([]byte("dropped"))
	require.ErrorContains(t, err, "closing")

	require.NoError(t, c.CloseWrite())
	_, err = c.Write([]byte("late"))
	require.ErrorIs(t, err, transport.ErrClosed)
}

// TestWriteWaitsInBrowser has a browser that holds too many unsent bytes.
func TestWriteWaitsInBrowser(t *testing.T) {
	tests := map[string]struct {
		end  func(peer fakePeer, c *conn)
		want func(t *testing.T, err error)
	}{
		"until it has sent": {
			end:  func(p fakePeer, _ *conn) { p.Set("held", maxBuffered) },
			want: func(t *testing.T, err error) { require.NoError(t, err) },
		},
		"until Close": {
			end:  func(_ fakePeer, c *conn) { c.Close() },
			want: func(t *testing.T, err error) { require.ErrorIs(t, err, transport.ErrClosed) },
		},
		"until the peer ends": {
			end: func(p fakePeer, _ *conn) { p.Call("end", 4000, "why") },
			want: func(t *testing.T, err error) {
				var closed *CloseError
				require.ErrorAs(t, err, &closed)
			},
		},
		"until the deadline": {
			end:  func(_ fakePeer, c *conn) { c.SetWriteDeadline(time.Now()) },
			want: requireTimeout,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			peer, c := dialFake(t, nil)
			peer.Set("held", maxBuffered+1)
			require.NoError(t, c.SetWriteDeadline(time.Now().Add(time.Hour)))
			written := make(chan error, 1)
			go func() {
				_, err := c.Write([]byte("x"))
				written <- err
			}()
			require.Eventually(t, func() bool { return peer.Get("looks").Int() > 2 }, patience, tick)
			require.Empty(t, peer.sent())
			tc.end(peer, c)
			tc.want(t, <-written)
		})
	}
}

func requireTimeout(t *testing.T, err error) {
	t.Helper()
	timeout, ok := err.(interface{ Timeout() bool })
	require.True(t, ok && timeout.Timeout(), "%v", err)
}

func TestReadDeadlineInBrowser(t *testing.T) {
	peer, c := dialFake(t, nil)
	peer.message("x")
	require.NoError(t, c.SetReadDeadline(time.Now()))
	_, err := c.Read(make([]byte, 1))
	requireTimeout(t, err)
	require.NoError(t, c.SetReadDeadline(time.Time{}))
	_, err = c.Read(make([]byte, 1))
	require.NoError(t, err)

	for name, end := range map[string]func(){
		"set while waiting":    func() { c.SetReadDeadline(time.Now()) },
		"passes while waiting": func() { c.SetReadDeadline(time.Now().Add(10 * time.Millisecond)) },
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Hour)))
			reading := make(chan error)
			go func() {
				_, _, err := c.ReadReady(pool{})
				reading <- err
			}()
			end()
			requireTimeout(t, <-reading)
		})
	}
	t.Run("Close while waiting", func(t *testing.T) {
		require.NoError(t, c.SetReadDeadline(time.Time{}))
		reading := make(chan error)
		go func() {
			_, err := c.Read(make([]byte, 1))
			reading <- err
		}()
		require.NoError(t, c.Close())
		require.ErrorIs(t, <-reading, transport.ErrClosed)
	})
}
