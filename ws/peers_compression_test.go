//go:build !js

//lint:file-ignore SA1019 The library is deprecated for its successor, which is the same under another path.

package ws

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"nhooyr.io/websocket"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// The library as a peer that compresses, in its two modes. It gives up takeover when it is asked to.

var libraryModes = map[string]websocket.CompressionMode{
	"with takeover if allowed": websocket.CompressionContextTakeover,
	"without takeover":         websocket.CompressionNoContextTakeover,
}

// A meter counts the bytes of connections in both directions.
type meter struct{ read, written atomic.Int64 }

type metered struct {
	net.Conn
	*meter
}

func (c metered) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.read.Add(int64(n))
	return n, err
}

func (c metered) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	return n, err
}

type meteredListener struct {
	net.Listener
	*meter
}

func (l meteredListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return metered{c, l.meter}, err
}

// jsonMessages returns messages that compress well, and some that do not.
func jsonMessages(seed uint64) (messages []string) {
	random := rand.New(rand.NewPCG(seed, 1))
	for range 60 {
		size := []int{1, 125, 126, 1000, 3000, 65535, 65536, 150_000}[random.IntN(8)]
		messages = append(messages, jsonText(random, size))
		if random.IntN(10) == 0 {
			messages = append(messages, randomText(random, 2000))
		}
	}
	return messages
}

// exchangeCompressed sends messages in both directions at once, in random fragments from the peer and with pings between them.
// m counts the bytes of c.
func exchangeCompressed(t *testing.T, c transport.Conn, peer *websocket.Conn, m *meter) {
	t.Helper()
	require.NotNil(t, c.(*conn).deflate, "compression was not agreed on")
	ctx, cancel := context.WithTimeout(context.Background(), transporttest.Patience)
	defer cancel()
	peer.SetReadLimit(-1)
	toPeer, fromPeer := jsonMessages(1), jsonMessages(2)
	writing, peerWriting, peerReading := make(chan error, 1), make(chan error, 1), make(chan error, 1)
	var atPeer []byte
	go func() { writing <- writeMessages(c, toPeer) }()
	go func() { peerWriting <- peerWrites(ctx, peer, fromPeer) }()
	go func() {
		for {
			_, p, err := peer.Read(ctx)
			if err != nil {
				peerReading <- err
				return
			}
			atPeer = append(atPeer, p...)
		}
	}()
	want := strings.Join(fromPeer, "")
	got := make([]byte, 0, len(want))
	for len(got) < len(want) {
		buf, n, err := c.(transport.ReadyReader).ReadReady(sizedPool(5000))
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
	require.NoError(t, <-peerWriting)
	require.NoError(t, c.CloseWrite())
	require.Equal(t, websocket.StatusNormalClosure, websocket.CloseStatus(<-peerReading))
	require.True(t, strings.Join(toPeer, "") == string(atPeer), "the peer has read something else")
	require.ErrorIs(t, <-ended, io.EOF)
	require.NoError(t, c.Close())
	require.Less(t, m.read.Load(), int64(len(want)/3), "bytes from the peer")
	require.Less(t, m.written.Load(), int64(len(atPeer)/3), "bytes to the peer")
}

func TestCompressingPeerIsClient(t *testing.T) {
	for name, mode := range libraryModes {
		t.Run(name, func(t *testing.T) {
			l := newTestListener(&Options{Compression: &Compression{}})
			m := &meter{}
			server := httptest.NewUnstartedServer(l)
			server.Listener = meteredListener{server.Listener, m}
			server.Start()
			t.Cleanup(server.Close)
			url := "ws" + strings.TrimPrefix(server.URL, "http")
			c, peer := dialledByPeer(t, l, url, &websocket.DialOptions{CompressionMode: mode})
			exchangeCompressed(t, c, peer, m)
		})
	}
}

func TestCompressingPeerIsServer(t *testing.T) {
	for name, mode := range libraryModes {
		t.Run(name, func(t *testing.T) {
			m := &meter{}
			dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := new(net.Dialer).DialContext(ctx, network, addr)
				return metered{c, m}, err
			}
			c, peer := acceptedByPeer(t, &websocket.AcceptOptions{CompressionMode: mode},
				&DialOptions{Compression: &Compression{}, DialContext: dial})
			exchangeCompressed(t, c, peer, m)
		})
	}
}

// Both ends of this package, with messages in both directions at once. Each end reads in buffers of other sizes.
func TestBothEndsCompress(t *testing.T) {
	serverTLS, clientTLS := transporttest.Certificates(t)
	for name, secure := range map[string]bool{"ws": false, "wss": true} {
		t.Run(name, func(t *testing.T) {
			l := newTestListener(&Options{Compression: &Compression{Threshold: 1}})
			config := serverTLS
			if !secure {
				config = nil
			}
			url, stop := serve(t, l, config)
			defer stop()
			a, b := connect(t, l, Dialer(url, &DialOptions{Compression: &Compression{Threshold: 1}, TLS: clientTLS}))
			defer a.Close()
			defer b.Close()
			ends := []*conn{a.(*conn), b.(*conn)}
			messages := [][]string{jsonMessages(3), jsonMessages(4)}
			done := make(chan error, 4)
			for i, c := range ends {
				require.NotNil(t, c.deflate)
				go func() { done <- writeMessages(c, messages[i]) }()
				go func() {
					done <- readExactly(c, strings.Join(messages[1-i], ""), randomSizes(rand.New(rand.NewPCG(uint64(i), 1)), 20_000))
				}()
			}
			for range cap(done) {
				require.NoError(t, <-done)
			}
		})
	}
}

// readExactly reads want.
func readExactly(c *conn, want string, sizes func() int) error {
	for len(want) > 0 {
		buf, n, err := c.ReadReady(sizedPool(sizes()))
		switch {
		case err != nil:
			return err
		case !strings.HasPrefix(want, string(buf[:n])):
			return errors.New("what was read is not what was written")
		}
		want = want[n:]
	}
	return nil
}
