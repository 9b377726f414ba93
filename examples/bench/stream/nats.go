package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"
)

// natsClient is nats.go with its default options. It subscribes to a subject of its own, and tells a publisher at the
// server what to send there. NATS drops items that a subscriber does not take in time. So the publisher sends a
// window ahead, and the subscriber reports the items that it has taken.
type natsClient struct{ nc *nats.Conn }

func openNATS(addr string) (client, error) {
	nc, err := nats.Connect("nats://" + addr)
	return &natsClient{nc}, err
}

func (c *natsClient) items(ctx context.Context, size int, got func([]byte) error) error {
	subject := nats.NewInbox()
	window := max(natsWindow/size, 8)
	ended := make(chan error, 1)
	n := 0
	sub, err := c.nc.Subscribe(subject, func(m *nats.Msg) {
		err := got(m.Data)
		if n++; err == nil && n%(window/4) == 0 {
			err = c.nc.Publish(subject+".taken", nil)
		}
		if err != nil {
			select {
			case ended <- err:
			default: // the first counts
			}
		}
	})
	if err != nil {
		return err
	}
	defer sub.Unsubscribe()
	if err := c.nc.Flush(); err != nil {
		return err
	}
	order := fmt.Sprint(subject, " ", size, " ", window)
	if _, err := c.nc.Request("items", []byte(order), 10*time.Second); err != nil {
		return err
	}
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if dropped, _ := sub.Dropped(); dropped > 0 {
		err = errors.Join(err, fmt.Errorf("%d messages were dropped", dropped))
	}
	return err
}

// natsWindow is the number of bytes of items ahead of the taken ones. The window has at least eight
// items.
const natsWindow = 1 << 20

func (c *natsClient) bytes(context.Context, int64, io.Writer) error { return errors.ErrUnsupported }

func (c *natsClient) close() error {
	c.nc.Close()
	return nil
}
