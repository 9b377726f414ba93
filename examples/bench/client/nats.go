package client

import (
	"fmt"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// nats.go with its default options. For an echo the connection publishes to a subject that it has subscribed to
// itself. Each caller has its own subject.
type natsClient struct {
	nc       *nats.Conn
	subjects []string
	subs     []*nats.Subscription
}

var natsClients atomic.Int64

func openNATS(addr string, callers int) (Client, error) {
	nc, err := nats.Connect("nats://" + addr)
	if err != nil {
		return nil, err
	}
	c := &natsClient{nc: nc}
	for i := range callers {
		subject := "echo." + strconv.FormatInt(natsClients.Add(1), 10) + "." + strconv.Itoa(i)
		sub, err := nc.SubscribeSync(subject)
		if err != nil {
			return nil, err
		}
		c.subjects, c.subs = append(c.subjects, subject), append(c.subs, sub)
	}
	return c, nc.Flush()
}

func (c *natsClient) Call(id int, message []byte) error {
	if err := c.nc.Publish(c.subjects[id], message); err != nil {
		return err
	}
	m, err := c.subs[id].NextMsg(20 * time.Second)
	if err == nil && len(m.Data) != len(message) {
		err = fmt.Errorf("an answer of %d bytes", len(m.Data))
	}
	return err
}

func (c *natsClient) Echo(message []byte, window int, count *atomic.Uint64, stop func() bool) error {
	subject := c.subjects[0] + ".flow"
	left := window
	done := make(chan error, 1)
	_, err := c.nc.Subscribe(subject, func(m *nats.Msg) {
		count.Add(1)
		if !stop() {
			if err := c.nc.Publish(subject, m.Data); err != nil {
				done <- err
			}
			return
		}
		if left--; left == 0 {
			done <- nil
		}
	})
	if err != nil {
		return err
	}
	for range window {
		if err := c.nc.Publish(subject, message); err != nil {
			return err
		}
	}
	return <-done
}

func (c *natsClient) Close() error {
	c.nc.Close()
	return nil
}
