package load

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// An idle holds connections on which nothing is sent but what the protocol asks for.
type idle struct {
	conns  []*conn
	closed atomic.Bool
	wg     sync.WaitGroup
	mu     sync.Mutex // guards err
	err    error
}

func openIdle(t Target, n int) (*idle, error) {
	conns, err := t.dialAll(n, 512, func(int) role { return role{job: echo} })
	if err != nil {
		return nil, err
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

// stay answers what the server asks until the connection ends.
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

// Idle opens n connections, waits until opened returns, and closes them.
func Idle(t Target, n int, opened func() error) error {
	idle, err := openIdle(t, n)
	if err != nil {
		return err
	}
	err = opened()
	if closeErr := idle.close(); err == nil {
		err = closeErr
	}
	return err
}
