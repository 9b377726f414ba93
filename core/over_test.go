//go:build !js

package core_test

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
	"github.com/hisock/hisock/ws"
)

// media are what the tests of this package run over; sockets are those of them that
// strangers can reach.
var (
	media   = []string{"pipe", "tcp", "tls", "ws", "wss"}
	sockets = []string{"tcp", "ws"}
)

// A network is one medium: a listener and what reaches it.
type network struct {
	name     string
	listener transport.Listener
	dialer   transport.Dialer

	addr     string     // host:port of the socket below; empty in memory
	rejected chan error // what a WebSocket listener refused
	url      string
}

// each runs f once over every medium.
func each(t *testing.T, f func(t *testing.T, n *network)) {
	over(t, media, f)
}

// over runs f once over each of the media named.
func over(t *testing.T, names []string, f func(t *testing.T, n *network)) {
	for _, name := range names {
		t.Run(name, func(t *testing.T) { f(t, open(t, name)) })
	}
}

// open makes a medium that lasts until the test ends.
func open(t *testing.T, name string) *network {
	t.Helper()
	n := &network{name: name, rejected: make(chan error, 64)}
	var server, client *tls.Config
	if name == "tls" || name == "wss" {
		server, client = transporttest.Certificates(t)
	}
	switch name {
	case "pipe":
		l := transport.NewPipeListener()
		n.listener, n.dialer = l, l
	case "tcp", "tls":
		l, err := tcp.Listen("127.0.0.1:0", &tcp.Options{TLS: server})
		require.NoError(t, err)
		n.addr = l.Addr()
		n.listener, n.dialer = l, tcp.Dialer(n.addr, &tcp.Options{TLS: client})
	case "ws", "wss":
		n.listenHTTP(t, server)
		n.dialer = ws.Dialer(n.url, &ws.DialOptions{TLS: client})
	default:
		require.FailNow(t, "no such medium", name)
	}
	t.Cleanup(func() { n.listener.Close() })
	return n
}

// listenHTTP mounts a WebSocket listener on an HTTP server of its own.
func (n *network) listenHTTP(t *testing.T, secure *tls.Config) {
	l := made(ws.NewListener(&ws.Options{OnReject: func(_ *http.Request, err error) { n.rejected <- err }}))
	mux := http.NewServeMux()
	mux.Handle("/ws", l)
	h := httptest.NewUnstartedServer(mux)
	h.Config.ErrorLog = log.New(io.Discard, "", 0) // strangers fail to shake hands
	if secure == nil {
		h.Start()
	} else {
		h.TLS = secure
		h.StartTLS()
	}
	t.Cleanup(h.Close)
	n.listener = l
	n.addr = h.Listener.Addr().String()
	n.url = "ws" + strings.TrimPrefix(h.URL, "http") + "/ws"
}

// overWebSocket tells whether the bytes travel in WebSocket messages.
func (n *network) overWebSocket() bool { return n.url != "" }
