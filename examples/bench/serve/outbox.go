package serve

import (
	"encoding/binary"
	"net"
	"sync"
)

// An outbox holds messages that wait to be written to a connection, and writes them with out, on a separate
// goroutine.
type outbox struct {
	nc   net.Conn
	out  flushFunc
	mu   sync.Mutex // guards the fields below
	wake sync.Cond
	wait []byte
	end  bool
}

// A flushFunc writes the bytes that an outbox has gathered.
type flushFunc func(nc net.Conn, b []byte) error

// writeAll writes all bytes in one write.
func writeAll(nc net.Conn, b []byte) error {
	_, err := nc.Write(b)
	return err
}

// writeEach writes each of the floor's messages by itself, as a server without gathering does.
func writeEach(nc net.Conn, b []byte) error {
	for len(b) > 0 {
		n := 4 + int(binary.BigEndian.Uint32(b))
		if _, err := nc.Write(b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func newOutbox(nc net.Conn, out flushFunc) *outbox {
	o := &outbox{nc: nc, out: out}
	o.wake.L = &o.mu
	go o.write()
	return o
}

func (o *outbox) put(b []byte) {
	o.mu.Lock()
	first := len(o.wait) == 0
	o.wait = append(o.wait, b...)
	o.mu.Unlock()
	if first {
		o.wake.Signal()
	}
}

func (o *outbox) close() {
	o.mu.Lock()
	o.end = true
	o.mu.Unlock()
	o.wake.Signal()
}

func (o *outbox) write() {
	var out []byte
	for {
		o.mu.Lock()
		for len(o.wait) == 0 && !o.end {
			o.wake.Wait()
		}
		if o.end {
			o.mu.Unlock()
			return
		}
		out, o.wait = o.wait, out[:0]
		o.mu.Unlock()
		if err := o.out(o.nc, out); err != nil {
			o.nc.Close()
			return
		}
	}
}
