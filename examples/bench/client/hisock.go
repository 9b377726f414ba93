package client

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/ws"
)

// hisock's own client with its default options.
type hisock struct {
	client *core.Client
	echo   func(payload []byte) error // set before the first message comes
}

func openTCP(addr string, _ int) (Client, error) { return openHisock(tcp.Dialer(addr, nil)) }

func openWS(addr string, _ int) (Client, error) { return openHisock(ws.Dialer("ws://"+addr, nil)) }

func openHisock(d transport.Dialer) (Client, error) {
	client, err := core.NewClient(d, nil)
	if err != nil {
		return nil, err
	}
	h := &hisock{client: client}
	client.OnBytes("echo", func(_ context.Context, _ *core.Conn, payload []byte) error { return h.echo(payload) })
	return h, client.Connect(context.Background())
}

func (h *hisock) Call(_ int, message []byte) error {
	answer, err := h.client.CallBytes(context.Background(), "echo", message)
	if err == nil && len(answer) != len(message) {
		err = fmt.Errorf("an answer of %d bytes", len(answer))
	}
	return err
}

// Echo sends the next message in the handler of the one before.
func (h *hisock) Echo(message []byte, window int, count *atomic.Uint64, stop func() bool) error {
	left := window
	done := make(chan struct{})
	h.echo = func(payload []byte) error {
		count.Add(1)
		if !stop() {
			return h.client.SendBytes("echo", payload)
		}
		if left--; left == 0 {
			close(done)
		}
		return nil
	}
	for range window {
		if err := h.client.SendBytes("echo", message); err != nil {
			return err
		}
	}
	select {
	case <-done:
		return nil
	case <-h.client.Done():
		return h.client.Err()
	}
}

func (h *hisock) Close() error { return h.client.Close() }
