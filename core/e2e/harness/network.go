//go:build !js

package harness

import (
	"crypto/tls"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
	"github.com/hisock/hisock/ws"
)

// Media names every medium, Sockets the media that strangers can reach.
var (
	Media   = []string{"pipe", "tcp", "tls", "ws", "wss"}
	Sockets = []string{"tcp", "ws"}
)

// A Network is one medium: a listener and ways to reach it.
type Network struct {
	Name     string
	Listener transport.Listener
	Dialer   transport.Dialer

	Addr     string     // host:port of the socket below the medium; empty in memory
	Rejected chan error // errors of clients that a WebSocket listener refused
	URL      string
}

// Each runs f once over every medium.
func Each(t *testing.T, f func(t *testing.T, n *Network)) {
	Over(t, Media, f)
}

// Over runs f once over each of the media named.
func Over(t *testing.T, names []string, f func(t *testing.T, n *Network)) {
	for _, name := range names {
		t.Run(name, func(t *testing.T) { f(t, Open(t, name)) })
	}
}

// Open makes a medium, which lasts until the test ends.
func Open(t *testing.T, name string) *Network {
	t.Helper()
	n := &Network{Name: name, Rejected: make(chan error, 64)}
	var server, client *tls.Config
	if name == "tls" || name == "wss" {
		server, client = transporttest.Certificates(t)
	}
	switch name {
	case "pipe":
		l := transport.NewPipeListener()
		n.Listener, n.Dialer = l, l
	case "tcp", "tls":
		l, err := tcp.Listen("127.0.0.1:0", &tcp.Options{TLS: server})
		require.NoError(t, err)
		n.Addr = l.Addr()
		n.Listener, n.Dialer = l, tcp.Dialer(n.Addr, &tcp.Options{TLS: client})
	case "ws", "wss":
		n.listenHTTP(t, server)
		n.Dialer = ws.Dialer(n.URL, &ws.DialOptions{TLS: client})
	default:
		require.FailNow(t, "no such medium", name)
	}
	t.Cleanup(func() { n.Listener.Close() })
	return n
}

// listenHTTP mounts a WebSocket listener on its own HTTP server.
func (n *Network) listenHTTP(t *testing.T, secure *tls.Config) {
	l := coretest.Must(ws.NewListener(&ws.Options{
		OnReject:    func(_ *http.Request, err error) { n.Rejected <- err },
		Compression: &ws.Compression{}, // for peers that offer it
	}))
	mux := http.NewServeMux()
	mux.Handle("/ws", l)
	h := httptest.NewUnstartedServer(mux)
	h.Config.ErrorLog = log.New(io.Discard, "", 0) // failed handshakes of strangers are no news
	if secure == nil {
		h.Start()
	} else {
		h.TLS = secure
		h.StartTLS()
	}
	t.Cleanup(h.Close)
	n.Listener = l
	n.Addr = h.Listener.Addr().String()
	n.URL = "ws" + strings.TrimPrefix(h.URL, "http") + "/ws"
}

// OverWebSocket reports whether the bytes travel in WebSocket messages.
func (n *Network) OverWebSocket() bool { return n.URL != "" }

// Raw connects and sends nothing.
func (n *Network) Raw(t *testing.T) *coretest.Peer {
	t.Helper()
	ctx, cancel := coretest.Patient()
	defer cancel()
	stream, err := n.Dialer.Dial(ctx)
	require.NoError(t, err)
	return coretest.NewPeer(t, stream)
}

// OpenAll opens every medium.
func OpenAll(t *testing.T) (ns []*Network) {
	t.Helper()
	for _, name := range Media {
		ns = append(ns, Open(t, name))
	}
	return ns
}

// Knock opens a plain TCP connection to the port.
func (n *Network) Knock(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", n.Addr)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	require.NoError(t, c.SetDeadline(time.Now().Add(transporttest.Patience)))
	return c
}
