//go:build !js

package ws

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/ready"
	"github.com/hisock/hisock/transport/transporttest"
)

// serveAnswer answers each handshake correctly, with further bytes before and after the answer.
func serveAnswer(t *testing.T, before, behind string) (url string) {
	t.Helper()
	server := &http.Server{ErrorLog: quietLog, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
		io.WriteString(c, before+"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
			"Sec-WebSocket-Accept: "+base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n"+behind)
		io.Copy(io.Discard, c)
	})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() {
		server.Close()
		<-served
	})
	return "ws://" + l.Addr().String()
}

// Bytes that come with the answer to a handshake are not lost with the buffer that it was read from.
func TestFramesWithTheAnswer(t *testing.T) {
	payload := strings.Repeat("early ", 500)
	hint := "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
	tests := map[string]string{"at once": "", "behind hints": hint + hint}
	for name, before := range tests {
		t.Run(name, func(t *testing.T) {
			frames := appendFrameWith(nil, frame{opBinary, true, payload}, nil)
			frames = appendFrameWith(frames, frame{opClose, true, closePayload(1000, "")}, nil)
			c, err := Dialer(serveAnswer(t, before, string(frames)), nil).Dial(context.Background())
			require.NoError(t, err)
			defer c.Close()
			got, err := startRead(c)()
			require.Equal(t, payload, got)
			require.ErrorIs(t, err, io.EOF)
		})
	}
	t.Run("too many hints", func(t *testing.T) {
		_, err := Dialer(serveAnswer(t, strings.Repeat(hint, maxHints), ""), nil).Dial(context.Background())
		require.ErrorContains(t, err, "hints")
	})
}

// A countingPool counts the buffers that are borrowed, and all buffers that were ever borrowed.
type countingPool struct {
	sizedPool
	out, lent atomic.Int32
}

func (p *countingPool) Get() []byte {
	p.out.Add(1)
	p.lent.Add(1)
	return p.sizedPool.Get()
}

func (p *countingPool) Put([]byte) { p.out.Add(-1) }

// readAll reads to the end with ReadReady, and returns the number of bytes.
func readAll(c *conn, pool *countingPool, got *atomic.Int64) error {
	for {
		buf, n, err := c.ReadReady(pool)
		if err != nil {
			return err
		}
		got.Add(int64(n))
		pool.Put(buf)
	}
}

// haltingPieces returns a message in pieces that end inside a header, a payload and a ping, and the
// bytes of payload that have come after each piece.
func haltingPieces() (pieces [][]byte, payload []int64) {
	wire := appendFrame(nil, frame{opBinary, false, strings.Repeat("x", 300)}) // a header of 8 bytes and a payload of 300
	wire = appendFrame(wire, frame{opPong, true, "hi"})
	wire = appendFrame(wire, frame{opContinuation, true, "y"})
	cuts := []int{0, 1, 7, 8, 100, 308, 311, 315, len(wire)}
	for i, cut := range cuts[1:] {
		pieces = append(pieces, wire[cuts[i]:cut])
	}
	return pieces, []int64{0, 0, 0, 92, 300, 300, 300, 301}
}

// A conn holds no buffer while it waits, wherever inside a message the peer has stopped.
func TestHaltingPeer(t *testing.T) {
	pieces, payload := haltingPieces()
	t.Run("socket", func(t *testing.T) {
		if !ready.Supported {
			t.Skip("waits with a few bytes of its own here, as over TLS")
		}
		peer, c := rawPair(t)
		pool := &countingPool{sizedPool: 1000}
		var got atomic.Int64
		done := make(chan error, 1)
		go func() { done <- readAll(c, pool, &got) }()
		for i, piece := range pieces {
			lent := pool.lent.Load()
			peer.send(string(piece))
			require.Eventually(t, func() bool { // one buffer was for the piece, another one for a read that found nothing
				return pool.lent.Load() >= lent+2 && pool.out.Load() == 0
			}, transporttest.Patience, time.Millisecond, "behind %d pieces", i+1)
			require.Equal(t, payload[i], got.Load())
		}
		require.NoError(t, c.Close())
		require.ErrorIs(t, <-done, transport.ErrClosed)
		require.Zero(t, pool.out.Load())
	})
	server, _ := transporttest.Certificates(t)
	for name, config := range map[string]*tls.Config{"pipe": nil, "pipe, with TLS": server} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				peer, c := pipePair(t, config)
				pool := &countingPool{sizedPool: 1000}
				var got atomic.Int64
				done := make(chan error, 1)
				go func() { done <- readAll(c, pool, &got) }()
				for i, piece := range pieces {
					peer.send(string(piece))
					synctest.Wait()
					require.Zero(t, pool.out.Load(), "behind %d pieces", i+1)
					require.Equal(t, payload[i], got.Load())
				}
				require.NoError(t, c.Close())
				require.ErrorIs(t, <-done, transport.ErrClosed)
			})
		})
	}
}

// Over TLS a large message is read in large pieces, and not in pieces of the size of the waiting buffer.
func TestReadReadyOverTLS(t *testing.T) {
	l := newTestListener(nil)
	server, client := transporttest.Certificates(t)
	url, stop := serve(t, l, server)
	defer stop()
	a, b := connect(t, l, Dialer(url, &DialOptions{TLS: client}))
	defer a.Close()
	defer b.Close()
	for _, ends := range [][2]*conn{{a.(*conn), b.(*conn)}, {b.(*conn), a.(*conn)}} {
		requireCarries(t, ends[0], ends[1]) // then the messages that TLS itself sends have come
		const size = 10_000
		sent := make(chan error, 1)
		go func() {
			_, err := ends[0].Write(make([]byte, size))
			sent <- err
		}()
		reads, got := 0, 0
		for got < size {
			_, n, err := ends[1].ReadReady(sizedPool(16 << 10))
			require.NoError(t, err)
			got += n
			reads++
		}
		require.NoError(t, <-sent)
		require.Less(t, reads, 20, "read in small pieces")
	}
}

// A listener works behind an HTTP server on a Unix socket.
func TestUnixSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	inner, err := net.Listen("unix", path)
	require.NoError(t, err)
	l := newTestListener(nil)
	server := &http.Server{Handler: l, ErrorLog: quietLog}
	served := make(chan error, 1)
	go func() { served <- server.Serve(inner) }()
	stream, err := net.Dial("unix", path)
	require.NoError(t, err)
	peer := newRawPeer(t, stream)
	peer.send(goodHandshake)
	peer.wantStatus(http.StatusSwitchingProtocols)
	accepted, err := l.Accept()
	require.NoError(t, err)
	c := accepted.(*conn)
	require.Equal(t, ready.Supported, c.polled)
	peer.sendFrame(opBinary, "hello")
	buf, n, err := c.ReadReady(sizedPool(100))
	require.NoError(t, err)
	require.Equal(t, "hello", string(buf[:n]))
	_, err = c.WriteBuffers([][]byte{make([]byte, copySize), make([]byte, 5)})
	require.NoError(t, err)
	peer.wantFrame(opBinary, string(make([]byte, copySize+5)))
	require.NoError(t, c.Close())
	require.NoError(t, stream.Close())
	require.NoError(t, server.Close())
	require.ErrorIs(t, <-served, http.ErrServerClosed)
}
