// Package link is a slow network between two addresses of this machine: a proxy that delays what it carries and limits how much it
// carries in a second.
package link

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	// segment is the size of the pieces in which a connection's bytes are carried, in bytes. All connections of a link take turns piece by
	// piece.
	segment = 1460

	// window is the number of pieces of one connection that are under way at most.
	window = 64
)

// A Link is a network. All its connections share its rate, which each direction has for itself. A new connection carries nothing during
// the first round trip, as if it were made over the network. A Link does not lose anything, and begins with full speed where TCP would begin
// slowly.
type Link struct {
	roundTrip time.Duration
	up, down  lane
}

// New returns a link with a round trip of that duration and with that many bytes a second in each direction.
func New(roundTrip time.Duration, rate float64) *Link {
	return &Link{roundTrip: roundTrip, up: lane{rate: rate}, down: lane{rate: rate}}
}

// Listen carries connections between a new address and the address to, until the listener that it returns is closed.
// Connections that are open then go on.
func (k *Link) Listen(to string) (net.Listener, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	go func() {
		for {
			near, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				continue
			}
			go func() {
				far, err := net.Dial("tcp", to)
				if err != nil {
					near.Close()
					return
				}
				k.Carry(near, far)
			}()
		}
	}()
	return l, nil
}

// Carry carries what comes from one connection to the other, in both directions, until both have ended, and closes them.
func (k *Link) Carry(near, far net.Conn) {
	defer near.Close()
	defer far.Close()
	time.Sleep(k.roundTrip)
	var both sync.WaitGroup
	both.Go(func() { k.pump(far, near, &k.up) })
	both.Go(func() { k.pump(near, far, &k.down) })
	both.Wait()
}

// A piece is due at its destination at a point in time.
type piece struct {
	bytes []byte
	due   time.Time
}

// pump carries what comes from src to dst until src ends, or dst does not take it.
func (k *Link) pump(dst, src net.Conn, l *lane) {
	under := make(chan piece, window)
	go func() {
		defer close(under)
		for {
			b := make([]byte, segment)
			n, err := src.Read(b)
			if n > 0 {
				under <- piece{b[:n], l.book(n).Add(k.roundTrip / 2)}
			}
			if err != nil {
				return
			}
		}
	}()
	for p := range under {
		time.Sleep(time.Until(p.due))
		if _, err := dst.Write(p.bytes); err != nil {
			src.Close()
			for range under { // so that the reader ends
			}
		}
	}
	closeWrite(dst)
}

// closeWrite says that nothing more comes.
func closeWrite(c io.Closer) {
	if half, ok := c.(interface{ CloseWrite() error }); ok {
		half.CloseWrite()
		return
	}
	c.Close()
}

// A lane is one direction of a link.
type lane struct {
	rate float64 // bytes a second

	mu   sync.Mutex // guards free
	free time.Time  // when all that was booked has left
}

// book returns when n bytes that are given to the lane now have left it.
func (l *lane) book(n int) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / l.rate * float64(time.Second)))
	return l.free
}
