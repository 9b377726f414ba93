package serve

import (
	"net"
	"sync"
)

// An outbox holds what waits to be written to a connection, and writes it on a goroutine of its own,
// all of it at once.
type outbox struct {
	nc   net.Conn
	mu   sync.Mutex // guards the fields below
	wake sync.Cond
	wait []byte
	end  bool
}

func newOutbox(nc net.Conn) *outbox {
	o := &outbox{nc: nc}
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
		if _, err := o.nc.Write(out); err != nil {
			o.nc.Close()
			return
		}
	}
}
