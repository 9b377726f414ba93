//go:build !js

package ws

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// The tests of this file and of facts_close_test.go are about faults of nhooyr.io/websocket that
// must not reach the users of this package, in the handshake and in the frames. The package uses
// the library only for the handshake. TestOrigins is such a test, too.

// The library sends data frames after its own close frame if writers race with the close frame.
func TestNoFrameAfterCloseFrame(t *testing.T) {
	sends := func(f frame) func(*rawPeer, *conn) error {
		return func(peer *rawPeer, _ *conn) error {
			_, err := peer.Write(appendFrame(nil, f))
			return err
		}
	}
	tests := map[string]struct {
		end         func(peer *rawPeer, c *conn) error
		readingGoes bool // reading goes on until Close
	}{
		"this side ends": {
			end:         func(_ *rawPeer, c *conn) error { return c.CloseWrite() },
			readingGoes: true,
		},
		"the peer ends, which the reader answers": {end: sends(frame{opClose, true, closePayload(1000, "")})},
		"the peer breaks the protocol":            {end: sends(frame{0xb, true, "unknown opcode"})},
		"the peer sends text":                     {end: sends(frame{opText, true, "text"})},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			for range 6 {
				peer, c := rawPair(t)
				sent := make(chan []byte)
				go func() {
					b, _ := io.ReadAll(peer.r)
					sent <- b
				}()
				racing := startWriters(c)
				reading := make(chan struct{})
				go func() {
					io.Copy(io.Discard, c)
					close(reading)
				}()
				err := tc.end(peer, c)
				racing.Wait()
				if !tc.readingGoes {
					<-reading
				}
				<-c.ended // on a busy machine the close frame takes longer than closeGrace, and Close would give it up
				c.Close()
				<-reading
				requireCloseIsLast(t, <-sent)
				require.NoError(t, err)
			}
		})
	}
}

// startWriters starts goroutines that write until a write fails, and returns when each has
// begun. Their messages have several frames, so that a close frame can come inside a message.
func startWriters(c *conn) *sync.WaitGroup {
	bufs := [][]byte{make([]byte, 3000), make([]byte, 20_000), make([]byte, 100)}
	var racing sync.WaitGroup
	started := make(chan struct{}, 4)
	for range cap(started) {
		racing.Go(func() {
			for i := 0; ; i++ {
				_, err := c.WriteBuffers(append([][]byte{}, bufs[i%3:]...))
				if i == 0 {
					started <- struct{}{}
				}
				if err != nil {
					return
				}
			}
		})
	}
	for range cap(started) {
		<-started
	}
	return &racing
}

func requireCloseIsLast(t *testing.T, b []byte) {
	t.Helper()
	r := bytes.NewReader(b)
	for {
		f, err := readFrame(r)
		require.NoError(t, err, "no close frame")
		if f.op == opClose {
			require.Zero(t, r.Len(), "bytes after the close frame")
			return
		}
	}
}

// In the library, a context that ends during a call ends the connection.
func TestContextOfDialDoesNotEndConn(t *testing.T) {
	l := newTestListener(nil)
	url, stop := serve(t, l, nil)
	defer stop()
	ctx, cancel := context.WithCancel(context.Background())
	accepted := make(chan transport.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			accepted <- c
		}
		close(accepted)
	}()
	a, err := Dialer(url, nil).Dial(ctx)
	require.NoError(t, err)
	defer a.Close()
	b := <-accepted
	require.NotNil(t, b)
	defer b.Close()

	cancel()
	for range 3 {
		requireCarries(t, a, b)
		requireCarries(t, b, a)
	}
}

// The same for deadlines: a deadline ends one direction of a conn and not the other.
func TestReadDeadlineSparesWriting(t *testing.T) {
	a, b := pair(t)
	require.NoError(t, a.SetReadDeadline(time.Now().Add(-time.Second)))
	_, err := a.Read(make([]byte, 1))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	timeout, ok := err.(net.Error)
	require.True(t, ok && timeout.Timeout())
	requireCarries(t, a, b)
}

func requireCarries(t *testing.T, from, to transport.Conn) {
	t.Helper()
	_, err := from.Write([]byte("ping"))
	require.NoError(t, err)
	got := make([]byte, 4)
	_, err = io.ReadFull(to, got)
	require.NoError(t, err)
	require.Equal(t, "ping", string(got))
}

type wrapped struct{ http.ResponseWriter }

func (w wrapped) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// A holding is the ResponseWriter of a middleware that holds the header back.
type holding struct{ wrapped }

func (holding) WriteHeader(int) {}

type opaque struct{ http.ResponseWriter }

// The library does not unwrap ResponseWriters: after a middleware it answers 501.
func TestWrappedResponseWriter(t *testing.T) {
	tests := map[string]struct {
		wrap func(w http.ResponseWriter) http.ResponseWriter
		want int
	}{
		"once":                {func(w http.ResponseWriter) http.ResponseWriter { return wrapped{w} }, 101},
		"twice":               {func(w http.ResponseWriter) http.ResponseWriter { return wrapped{wrapped{w}} }, 101},
		"header held back":    {func(w http.ResponseWriter) http.ResponseWriter { return holding{wrapped{w}} }, 101},
		"cannot be unwrapped": {func(w http.ResponseWriter) http.ResponseWriter { return opaque{w} }, 501},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			rejected := make(chan error, 1)
			l := newTestListener(&Options{OnReject: func(_ *http.Request, err error) { rejected <- err }})
			url, stop := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Of-Middleware", "kept")
				l.ServeHTTP(tc.wrap(w), r)
			}), nil)
			defer stop()
			if tc.want == http.StatusSwitchingProtocols {
				a, b := connect(t, l, Dialer(url, nil))
				defer a.Close()
				defer b.Close()
				requireCarries(t, a, b)
				return
			}
			_, err := Dialer(url, nil).Dial(context.Background())
			var answer *HandshakeError
			require.ErrorAs(t, err, &answer)
			require.Equal(t, tc.want, answer.Status)
			require.Contains(t, answer.Reason, "middleware")
			var reject *RejectError
			require.ErrorAs(t, <-rejected, &reject)
			require.Equal(t, tc.want, reject.Status)
		})
	}
}

// The library limits the length of a message, to 32 KiB unless the limit is raised.
func TestMessagesHaveNoLimit(t *testing.T) {
	peer, c := rawPair(t)
	peer.send("\x82\xff\x40\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00") // a frame of 4 EiB begins
	sent := bytes.Repeat([]byte("x"), 1<<20)
	go peer.Write(sent)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	buf := make([]byte, 1000)
	for read := 0; read < 1<<20; {
		n, err := c.Read(buf[:min(len(buf), 1<<20-read)])
		require.NoError(t, err)
		read += n
	}
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "the message was held")
}

// The library keeps a goroutine and buffers for each connection. Hijack gives it a dead connection, for which it
// keeps neither.
func TestHijackKeepsTheConnection(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	up := &upgrade{ResponseWriter: &pipeResponse{conn: near, header: http.Header{}, unread: "sent already"}}
	answer := make(chan string, 1)
	go func() {
		response, err := http.ReadResponse(bufio.NewReader(far), nil)
		if err != nil {
			answer <- err.Error()
			return
		}
		answer <- response.Status
	}()
	conn, buffered, err := up.Hijack()
	require.NoError(t, err)
	require.Equal(t, "101 Switching Protocols", <-answer)
	require.Equal(t, near, up.stream)
	require.Equal(t, "sent already", string(up.unread))
	require.LessOrEqual(t, buffered.Reader.Size(), 16)
	require.LessOrEqual(t, buffered.Writer.Size(), 16)
	_, err = conn.Read(make([]byte, 1))
	require.ErrorIs(t, err, net.ErrClosed)
	_, err = conn.Write([]byte("x"))
	require.ErrorIs(t, err, net.ErrClosed)
	require.NoError(t, conn.Close())
	require.NoError(t, near.SetDeadline(time.Time{}), "the real one is closed")
}

// Bytes that come with the handshake are not lost with the server's buffer.
func TestFrameWithHandshake(t *testing.T) {
	l := newTestListener(nil)
	url, stop := serve(t, l, nil)
	defer stop()
	peer := dialRaw(t, url)
	payload := strings.Repeat("early ", 200)
	peer.send(goodHandshake + string(appendFrame(nil, frame{opBinary, true, payload})))
	c, err := l.Accept()
	require.NoError(t, err)
	defer c.Close()
	got := make([]byte, len(payload))
	_, err = io.ReadFull(c, got)
	require.NoError(t, err)
	require.Equal(t, payload, string(got))
}

// The library answers pings from the reader, under the write deadline that the caller has set last.
func TestPassedWriteDeadlineSparesPong(t *testing.T) {
	peer, c := rawPair(t)
	require.NoError(t, c.SetWriteDeadline(time.Now().Add(-time.Second)))
	reading := make(chan error, 1)
	go func() {
		_, err := io.ReadFull(c, make([]byte, 4))
		reading <- err
	}()
	peer.sendFrame(opPing, "are you there")
	peer.wantFrame(opPong, "are you there")
	peer.sendFrame(opBinary, "more")
	require.NoError(t, <-reading)

	_, err := c.Write([]byte("late"))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "the deadline still holds for the caller")
}
