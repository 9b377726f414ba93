//go:build !js

package core

import (
	"context"
	"sync"
	"time"

	"github.com/hisock/hisock/transport"
)

// A path is a network between clients and a listener. It carries rate bytes a second each way, delays them, and has a
// buffer in front, like the buffers of systems and routers.
type path struct {
	transport.Dialer
	rate   int           // bytes a second
	up     int           // bytes a second towards the listener; 0 for rate
	delay  time.Duration // one way
	buffer int           // bytes
}

func (p *path) Dial(ctx context.Context) (transport.Conn, error) {
	far, err := p.Dialer.Dial(ctx)
	if err != nil {
		return nil, err
	}
	near, mid := transport.Pipe()
	up := p.up
	if up == 0 {
		up = p.rate
	}
	go p.carry(mid, far, up)
	go p.carry(far, mid, p.rate)
	return near, nil
}

// A parcel is bytes on their way.
type parcel struct {
	b  []byte
	at time.Time // when they arrive
}

// carry carries one direction until it ends, at rate bytes a second.
func (p *path) carry(from, to transport.Conn, rate int) {
	var mu sync.Mutex
	room := sync.NewCond(&mu)
	waiting := 0 // bytes in the buffer; guarded by mu
	parcels := make(chan parcel, 1<<16)
	go func() {
		for next := range parcels {
			time.Sleep(time.Until(next.at))
			if _, err := to.Write(next.b); err != nil {
				from.Close() //nolint:errcheck // it is over
			}
		}
		to.CloseWrite() //nolint:errcheck // likewise
	}()
	defer close(parcels)
	free := time.Now() // when the last byte will have left the buffer
	buf := make([]byte, 1500)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			mu.Lock()
			for waiting > 0 && waiting+n > p.buffer {
				room.Wait()
			}
			waiting += n
			mu.Unlock()
			now := time.Now()
			if free.Before(now) {
				free = now
			}
			free = free.Add(time.Duration(n) * time.Second / time.Duration(rate))
			time.AfterFunc(free.Sub(now), func() {
				mu.Lock()
				waiting -= n
				mu.Unlock()
				room.Signal()
			})
			parcels <- parcel{append([]byte(nil), buf[:n]...), free.Add(p.delay)}
		}
		if err != nil {
			return
		}
	}
}
