package stream

import (
	"context"
	"errors"
	"io"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// hisock is this library's client with its default options, and its streams.
type hisock struct{ client *core.Client }

func openTCP(addr string) (client, error) { return openHisock(tcp.Dialer(addr, nil)) }

func openWS(addr string) (client, error) { return openHisock(ws.Dialer("ws://"+addr, nil)) }

func openHisock(d transport.Dialer) (client, error) {
	c, err := core.NewClient(d, nil)
	if err != nil {
		return nil, err
	}
	return &hisock{c}, c.Connect(context.Background())
}

func (h *hisock) items(ctx context.Context, size int, got func([]byte) error) error {
	for item, err := range core.Stream[[]byte](ctx, h.client, "items", size) {
		if err == nil {
			err = got(item)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (h *hisock) bytes(ctx context.Context, n int64, w io.Writer) error {
	s, err := core.OpenByteStream(ctx, h.client, "bytes", n)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, s)
	return errors.Join(err, s.Close())
}

func (h *hisock) close() error { return h.client.Close() }

// commands is the same client. The server sends it commands in place of a stream, and waits when its queue is full.
type commands struct {
	client *core.Client
	got    func([]byte) error // set before the first command comes
	ended  chan error
}

func openCommandsTCP(addr string) (client, error) { return openCommands(tcp.Dialer(addr, nil)) }

func openCommandsWS(addr string) (client, error) { return openCommands(ws.Dialer("ws://"+addr, nil)) }

func openCommands(d transport.Dialer) (client, error) {
	c, err := core.NewClient(d, nil)
	if err != nil {
		return nil, err
	}
	h := &commands{client: c, ended: make(chan error, 1)}
	c.OnBytes("item", func(_ context.Context, _ *core.Conn, item []byte) error {
		if err := h.got(item); err != nil {
			select {
			case h.ended <- err:
			default: // the first counts
			}
		}
		return nil
	})
	return h, c.Connect(context.Background())
}

func (h *commands) items(ctx context.Context, size int, got func([]byte) error) error {
	h.got = got
	if err := h.client.Send("items", size); err != nil {
		return err
	}
	select {
	case err := <-h.ended:
		return err
	case <-h.client.Done():
		return h.client.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *commands) bytes(context.Context, int64, io.Writer) error { return errors.ErrUnsupported }

func (h *commands) close() error { return h.client.Close() }
