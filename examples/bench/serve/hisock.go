package serve

import (
	"context"
	"io"
	"net/http"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/examples/bench/items"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// serveHisock serves with the defaults: sessions that can be resumed, heartbeats, limits and bounded
// queues are on.
func serveHisock(l transport.Listener) {
	srv, _ := core.NewServer(nil) // no options, no error
	serveWith(srv, l)
}

// serveWith has a server do all that a load may ask for.
func serveWith(srv *core.Server, l transport.Listener) {
	srv.OnBytes("echo", func(_ context.Context, c *core.Conn, payload []byte) error {
		return c.SendBytes("echo", payload)
	})
	srv.HandleBytes("echo", func(_ context.Context, _ *core.Conn, payload []byte) ([]byte, error) {
		return payload, nil
	})
	srv.OnBytes("send", func(_ context.Context, _ *core.Conn, payload []byte) error {
		return srv.Group(string(payload[:min(groupLen, len(payload))])).SendBytes("send", payload)
	})
	core.HandleStream(srv, "items", func(_ context.Context, _ *core.Conn, size int, send func([]byte) error) error {
		ring := items.NewRing(size)
		for n := uint64(0); ; n++ {
			if err := send(ring.At(n)); err != nil {
				return err
			}
		}
	})
	core.On(srv, "items", func(_ context.Context, c *core.Conn, size int) error {
		go sendCommands(c, size)
		return nil
	})
	core.HandleByteStream(srv, "bytes", func(_ context.Context, _ *core.Conn, n int64, s *core.ByteStream) error {
		_, err := io.Copy(s, items.NewReader(n))
		return err
	})
	go srv.Serve(context.Background(), l)
}

// sendCommands sends items as commands until the connection ends, and waits when its queue is full.
func sendCommands(c *core.Conn, size int) {
	ring, wait := items.NewRing(size), core.Wait(c.Context())
	for n := uint64(0); ; n++ {
		if c.SendBytes("item", ring.At(n), wait) != nil {
			return
		}
	}
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
