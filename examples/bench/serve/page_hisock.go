package serve

import (
	"context"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/ws"
)

// startPageHisock starts a server with the defaults, except that it lets in pages of other ports of this machine.
func startPageHisock() (string, error) {
	l, err := ws.NewListener(&ws.Options{Origins: []string{"http://127.0.0.1:*"}})
	if err != nil {
		return "", err
	}
	srv, err := core.NewServer(nil)
	if err != nil {
		return "", err
	}
	var got taken
	text := []byte(pageText)
	srv.HandleBytes("echo", func(_ context.Context, _ *core.Conn, payload []byte) ([]byte, error) {
		return payload, nil
	})
	core.On(srv, "texts", func(ctx context.Context, c *core.Conn, n int) error {
		wait := core.Wait(ctx)
		for range n {
			if err := c.SendBytes("text", text, wait); err != nil {
				return err
			}
		}
		return nil
	})
	srv.OnBytes("take", func(context.Context, *core.Conn, []byte) error {
		got.add()
		return nil
	})
	core.Handle(srv, "taken", func(context.Context, *core.Conn, string) (int64, error) {
		return got.tell(), nil
	})
	go srv.Serve(context.Background(), l)
	return serveHTTP(l)
}
