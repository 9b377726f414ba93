package load

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// An Echo is a work in which every message comes back on its own connection.
type Echo struct {
	Conns  int
	Idle   int // further connections without messages
	Size   int // bytes of a message
	Window int // messages in flight on each connection
	Call   bool
}

// duplexFrom is how many bytes in flight on a connection need a separate sender: sockets may buffer
// less than that while the other end does not read.
const duplexFrom = 96 << 10

// Run does the work until the meter says that it is over.
func (e Echo) Run(t Target, m *Meter) error {
	job := echo
	if e.Call {
		job = call
	}
	conns, err := t.dialAll(e.Conns, bufferFor(e.Size*e.Window), func(int) role { return role{job: job} })
	if err != nil {
		return err
	}
	defer closeAll(conns)
	if e.Idle == 0 {
		return e.run(conns, m)
	}
	return Idle{Conns: e.Idle}.Run(t, func() error { return e.run(conns, m) })
}

func (e Echo) run(conns []*conn, m *Meter) error {
	run := (*echoer).run
	if e.Size*e.Window >= duplexFrom {
		run = (*echoer).runDuplex
	}
	return m.run(conns, func(i int, c *conn) error {
		e := &echoer{conn: c, id: uint16(i), size: e.Size, window: e.Window, stop: &m.stop}
		if err := run(e); err != nil {
			return fmt.Errorf("connection %d: %w", i, err)
		}
		return nil
	})
}

// bufferFor returns the size of the read buffer of a connection, for a number of bytes in flight.
func bufferFor(bytes int) int { return min(max(2*bytes, 4<<10), 256<<10) }

type echoer struct {
	*conn
	id           uint16
	size, window int
	stop         *atomic.Bool

	sent, got uint32
	out       []byte
}

// run reads and writes in turn: it checks all messages that have come, and sends as many in one write.
func (e *echoer) run() error {
	take := e.take
	if err := e.reply(); err != nil {
		return err
	}
	for e.got != e.sent {
		if err := e.read(take); err != nil {
			return err
		}
		e.count.Store(uint64(e.got))
		if err := e.reply(); err != nil {
			return err
		}
	}
	return nil
}

func (e *echoer) take(payload []byte) error {
	if e.got == e.sent {
		return errUnexpected
	}
	err := message{e.id, e.got, e.size}.check(payload)
	e.got++
	return err
}

func (e *echoer) reply() error {
	n := e.window - int(e.sent-e.got)
	if e.stop.Load() {
		n = 0
	}
	e.out = append(e.out[:0], e.codec.control(n > 0)...)
	e.out = e.appendBatch(e.out, e.id, e.sent, n, e.size)
	e.sent += uint32(n)
	return e.write(e.out)
}

// writeSize is about how many bytes a sender writes at once.
const writeSize = 256 << 10

// runDuplex reads on this goroutine and writes on another one.
func (e *echoer) runDuplex() error {
	s := newSender(e.conn, max(writeSize/e.size, 1), func(dst []byte, seq uint32, n int) []byte {
		return e.appendBatch(dst, e.id, seq, n, e.size)
	})
	s.credit = e.window
	written := make(chan error, 1)
	go func() {
		err := s.run()
		if err != nil {
			e.nc.Close() // so the reader fails too
		}
		written <- err
	}()
	e.sent = 1<<32 - 1 // until the real number is known
	err := e.readDuplex(s)
	s.end()
	if err != nil {
		e.nc.Close()
	}
	return errors.Join(err, <-written)
}

func (e *echoer) readDuplex(s *sender) error {
	take := e.take
	for e.got != e.sent {
		before := e.got
		if err := e.read(take); err != nil {
			return err
		}
		e.count.Store(uint64(e.got))
		s.post(int(e.got-before), e.codec.control(true))
		if e.stop.Load() {
			e.sent = s.end()
		}
	}
	return nil
}
