//go:build js

package ws

import (
	"io"
	"slices"
	"syscall/js"
	"time"

	"github.com/hisock/hisock/transport"
)

// receive handles a message from the browser.
func (c *conn) receive(message js.Value) {
	if !message.InstanceOf(arrayBuffer) {
		c.fail(ErrText, ErrText)
		c.shut(codePageText, "only binary messages are understood")
		return
	}
	if !c.queue(uint8Array.New(message)) {
		c.fail(ErrQueueFull, ErrQueueFull)
		c.shut(codePageFull, "more bytes have arrived than may wait to be read")
		return
	}
	c.wakeReader()
}

// queue appends a message to the inbox. It returns false if the inbox is full.
func (c *conn) queue(message js.Value) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.readErr != nil {
		return true // messages after the end do not count
	}
	size := message.Length()
	waiting := len(c.inbox) - c.start
	if c.queueBytes >= 0 && size > c.queueBytes-waiting {
		return false
	}
	if c.start > 0 && len(c.inbox)+size > cap(c.inbox) {
		c.inbox = c.inbox[:copy(c.inbox, c.inbox[c.start:])]
		c.start = 0
	}
	c.inbox = slices.Grow(c.inbox, size)[:len(c.inbox)+size]
	js.CopyBytesToGo(c.inbox[len(c.inbox)-size:], message)
	return true
}

func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := c.await(); err != nil {
		return 0, err
	}
	return c.take(p), nil
}

// ReadReady is as in [transport.ReadyReader].
func (c *conn) ReadReady(pool transport.BufferPool) ([]byte, int, error) {
	if err := c.await(); err != nil {
		return nil, 0, err
	}
	buf := pool.Get()
	if len(buf) == 0 {
		pool.Put(buf)
		return nil, 0, io.ErrShortBuffer
	}
	return buf, c.take(buf), nil
}

// await waits until there is something to take, and returns the error of the read if it must fail.
func (c *conn) await() error {
	for {
		ready, deadline, err := c.readState()
		if ready || err != nil {
			return err
		}
		if err := c.sleep(deadline, c.wake); err != nil {
			return err
		}
	}
}

func (c *conn) readState() (ready bool, deadline time.Time, err error) {
	if err := c.ownClose(); err != nil {
		return false, time.Time{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case expired(c.readDeadline):
		return false, time.Time{}, newTimeout("read")
	case c.start < len(c.inbox):
		return true, time.Time{}, nil
	}
	return false, c.readDeadline, c.readErr
}

func (c *conn) take(p []byte) int {
	c.mu.Lock()
	n := copy(p, c.inbox[c.start:])
	c.start += n
	if c.start == len(c.inbox) {
		c.inbox, c.start = c.inbox[:0], 0
		if cap(c.inbox) > maxIdleInbox {
			c.inbox = nil
		}
	}
	c.mu.Unlock()
	return n
}

// sleep returns nil when wake delivers, or at the time until unless that is zero. If the conn is closed, it fails
// with ErrClosed.
func (c *conn) sleep(until time.Time, wake <-chan struct{}) error {
	var passed <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		passed = timer.C
	}
	select {
	case <-wake:
		return nil
	case <-passed:
		return nil
	case <-c.closed:
		return transport.ErrClosed
	}
}

func expired(deadline time.Time) bool {
	return !deadline.IsZero() && !time.Now().Before(deadline)
}
