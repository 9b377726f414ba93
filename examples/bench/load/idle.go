package load

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// An idle holds connections on which only the protocol itself sends.
type idle struct {
	conns  []*conn
	closed atomic.Bool
	wg     sync.WaitGroup
	mu     sync.Mutex // guards err
	err    error
}

func openIdle(t Target, n, size int) (*idle, error) {
	conns, err := t.dialAll(n, 512, func(int) role { return role{job: echo} })
	if err != nil {
		return nil, err
	}
	for i, c := range conns {
		if err := c.echoOnce(uint16(i), size); err != nil {
			closeAll(conns)
			return nil, fmt.Errorf("idle connection %d: %w", i, err)
		}
	}
	idle := &idle{conns: conns}
	for i, c := range conns {
		idle.wg.Go(func() {
			if err := c.stay(); !idle.closed.Load() {
				idle.fail(fmt.Errorf("idle connection %d: %w", i, err))
			}
		})
	}
	return idle, nil
}

// stay answers pings and the like until the connection ends.
func (c *conn) stay() error {
	for {
		if err := c.read(func([]byte) error { return errUnexpected }); err != nil {
			return err
		}
		if err := c.write(c.codec.control(false)); err != nil {
			return err
		}
	}
}

func (i *idle) fail(err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.err = err
}

// close fails if a connection has ended before.
func (i *idle) close() error {
	i.closed.Store(true)
	closeAll(i.conns)
	i.wg.Wait()
	return i.err
}

// echoOnce sends a message of size bytes and waits until it has come back. If size is 0 it does nothing.
func (c *conn) echoOnce(id uint16, size int) error {
	if size == 0 {
		return nil
	}
	if err := c.write(c.appendBatch(nil, id, 0, 1, size)); err != nil {
		return err
	}
	for got := false; !got; {
		err := c.read(func(payload []byte) error {
			got = true
			return message{id, 0, size}.check(payload)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// acknowledge sends an ack of all received messages, if the protocol has acks.
func (i *idle) acknowledge() error {
	for _, c := range i.conns {
		a, ok := c.codec.(interface{ ack() []byte })
		if !ok {
			return nil
		}
		if err := c.write(a.ack()); err != nil {
			return err
		}
	}
	return nil
}

// An Idle is a work that holds idle connections while the server's memory is measured.
type Idle struct {
	Conns   int
	Echo    int // bytes of a message that is echoed on each connection before; 0 for no echo
	Silence time.Duration
	Ack     bool // acknowledge the echo when the silence is nearly over
}

// Run opens the connections, waits until they have been silent and opened returns, and closes them.
func (w Idle) Run(t Target, opened func() error) error {
	idle, err := openIdle(t, w.Conns, w.Echo)
	if err != nil {
		return err
	}
	if w.Ack {
		time.Sleep(w.Silence * 9 / 10)
		err = idle.acknowledge()
		time.Sleep(w.Silence / 10)
	} else {
		time.Sleep(w.Silence)
	}
	if err == nil {
		err = opened()
	}
	if closeErr := idle.close(); err == nil {
		err = closeErr
	}
	return err
}
