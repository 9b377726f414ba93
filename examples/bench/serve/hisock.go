package serve

import (
	"context"
	"net/http"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// serveHisock serves with the defaults: sessions that can be resumed, heartbeats, limits and bounded
// queues are on.
func serveHisock(l transport.Listener) {
	srv, _ := core.NewServer(nil) // no options, no error
	srv.OnBytes("echo", func(_ context.Context, c *core.Conn, payload []byte) error {
		return c.SendBytes("echo", payload)
	})
	srv.HandleBytes("echo", func(_ context.Context, _ *core.Conn, payload []byte) ([]byte, error) {
		return payload, nil
	})
	srv.OnBytes("send", func(_ context.Context, _ *core.Conn, payload []byte) error {
		return srv.Group(string(payload[:min(groupLen, len(payload))])).SendBytes("send", payload)
	})
	go srv.Serve(context.Background(), l)
}

func startHisockTCP() (string, error) {
	l, err := tcp.Listen("127.0.0.1:0", nil)
	if err != nil {
		return "", err
	}
	serveHisock(l)
	return l.Addr(), nil
}

func startHisockWS() (string, error) {
	l, err := ws.NewListener(nil)
	if err != nil {
		return "", err
	}
	serveHisock(l)
	return serveHTTP(l)
}

// serveHTTP serves h on a free port.
func serveHTTP(h http.Handler) (string, error) {
	l, err := listen()
	if err != nil {
		return "", err
	}
	go http.Serve(l, h)
	return l.Addr().String(), nil
}
