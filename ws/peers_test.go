//go:build !js

//lint:file-ignore SA1019 The library is deprecated for its successor, which is the same under another path.

package ws

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"nhooyr.io/websocket"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// These tests use the library as a peer. Only the handshake of this package shares code with it.

// exchange sends random messages in both directions at once, in random fragments from the peer and with
// pings between them. Then one end closes in order.
func exchange(t *testing.T, c transport.Conn, peer *websocket.Conn, weEnd bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), transporttest.Patience)
	defer cancel()
	peer.SetReadLimit(-1)
	toPeer, fromPeer := randomMessages(1), randomMessages(2)

	writing := make(chan error, 1)
	go func() { writing <- writeMessages(c, toPeer) }()
	peerReading, peerEnd := make(chan error, 1), make(chan error, 1)
	go func() {
		peerReading <- peerReads(ctx, peer, toPeer)
		_, _, err := peer.Reader(ctx) // the library handles pongs and the close frame only while it reads
		peerEnd <- err
	}()
	peerWriting := make(chan error, 1)
	go func() { peerWriting <- peerWrites(ctx, peer, fromPeer) }()

	var want string
	for _, m := range fromPeer {
		want += m
	}
	got := make([]byte, 0, len(want))
	pool := sizedPool(5000)
	for len(got) < len(want) {
		buf, n, err := c.(transport.ReadyReader).ReadReady(pool)
		require.NoError(t, err)
		got = append(got, buf[:n]...)
	}
	require.True(t, want == string(got), "what was read is not what was written")
	ended := make(chan error, 1)
	go func() {
		_, err := c.Read(make([]byte, 1))
		ended <- err
	}()
	require.NoError(t, <-writing)
	require.NoError(t, <-peerWriting) // it waits for pongs, so another goroutine has to read
	require.NoError(t, <-peerReading)
	status := websocket.StatusNormalClosure
	if weEnd {
		require.NoError(t, c.CloseWrite())
	} else {
		status = websocket.StatusGoingAway
		peer.Close(status, "that is all") // it may fail, because the reader gets the answer
	}
	require.Equal(t, status, websocket.CloseStatus(<-peerEnd), "the peer sees another end")
	require.ErrorIs(t, <-ended, io.EOF)
	require.NoError(t, c.Close())
}

func randomMessages(seed uint64) (messages []string) {
	random := rand.New(rand.NewPCG(seed, 0))
	for range 60 {
		if m := randomText(random, []int{1, 125, 126, 1000, 65535, 65536, 150_000}[random.IntN(7)]); m != "" {
			messages = append(messages, m)
		}
	}
	return messages
}

func writeMessages(c transport.Conn, messages []string) error {
	for i, m := range messages {
		var err error
		if i%2 == 0 {
			_, err = c.Write([]byte(m))
		} else {
			_, err = c.WriteBuffers([][]byte{[]byte(m[:len(m)/3]), nil, []byte(m[len(m)/3:])})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func peerReads(ctx context.Context, peer *websocket.Conn, want []string) error {
	for _, m := range want {
		kind, got, err := peer.Read(ctx)
		switch {
		case err != nil:
			return err
		case kind != websocket.MessageBinary || string(got) != m:
			return errors.New("the peer has read another message than was written")
		}
	}
	return nil
}

func peerWrites(ctx context.Context, peer *websocket.Conn, messages []string) error {
	random := rand.New(rand.NewPCG(7, 8))
	for _, m := range messages {
		w, err := peer.Writer(ctx, websocket.MessageBinary)
		if err != nil {
			return err
		}
		for len(m) > 0 {
			n := 1 + random.IntN(len(m))
			if random.IntN(4) == 0 {
				if err := peer.Ping(ctx); err != nil {
					return err
				}
			}
			if _, err := io.WriteString(w, m[:n]); err != nil {
				return err
			}
			m = m[n:]
		}
		if err := w.Close(); err != nil {
			return err
		}
	}
	return nil
}

// dialledByPeer connects the library as a client to l, which serves at url.
func dialledByPeer(t *testing.T, l *Listener, url string, opts *websocket.DialOptions) (transport.Conn, *websocket.Conn) {
	t.Helper()
	accepted := make(chan transport.Conn, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			accepted <- c
		}
		close(accepted)
	}()
	peer, _, err := websocket.Dial(context.Background(), url, opts)
	require.NoError(t, err)
	t.Cleanup(func() { peer.CloseNow() })
	c := <-accepted
	require.NotNil(t, c)
	t.Cleanup(func() { c.Close() })
	return c, peer
}

// acceptedByPeer connects to the library as a server.
func acceptedByPeer(t *testing.T, accept *websocket.AcceptOptions, dial *DialOptions) (transport.Conn, *websocket.Conn) {
	t.Helper()
	accepted := make(chan *websocket.Conn, 1)
	url, stop := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := websocket.Accept(w, r, accept)
		if err == nil {
			accepted <- peer
		}
	}), nil)
	t.Cleanup(stop)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := Dialer(url, dial).Dial(ctx)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	peer := <-accepted
	t.Cleanup(func() { peer.CloseNow() })
	return c, peer
}

var whoEnds = map[string]bool{"we end": true, "the peer ends": false}

func TestPeerIsClient(t *testing.T) {
	for name, weEnd := range whoEnds {
		t.Run(name, func(t *testing.T) {
			l := newTestListener(nil)
			url, stop := serve(t, l, nil)
			t.Cleanup(stop)
			c, peer := dialledByPeer(t, l, url, nil)
			exchange(t, c, peer, weEnd)
		})
	}
}

func TestPeerIsServer(t *testing.T) {
	for name, weEnd := range whoEnds {
		t.Run(name, func(t *testing.T) {
			c, peer := acceptedByPeer(t, nil, nil)
			exchange(t, c, peer, weEnd)
		})
	}
}
