//go:build !js

package core

import "time"

// A client of a release before 3.0a reads a header and a payload with one call each, and goes on with
// whatever came. What it has not read yet fills a buffer of its kernel, and where that is full a frame is cut:
// the client takes the rest for a header and ends. So a client that is busy for a moment must not be sent
// more than the buffer holds.

// classicBurst is what may be sent at once, in bytes with what each frame counts beside its own: a small part
// of the buffer that a socket has by default.
const (
	classicBurst     = 32 << 10
	classicFrameCost = 128
)

// A pacer says when the next frame may be written. Whoever writes owns it.
type pacer struct {
	rate int       // bytes a second; zero is as fast as can be
	due  time.Time // when all that was written would have been sent at that rate
}

// wait returns how long a frame of n bytes has to wait, and counts it.
func (p *pacer) wait(n int, now time.Time) time.Duration {
	if p.due.Before(now) {
		p.due = now
	}
	ahead := p.due.Sub(now)
	p.due = p.due.Add(time.Duration(n+classicFrameCost) * time.Second / time.Duration(p.rate))
	return ahead - classicBurst*time.Second/time.Duration(p.rate)
}

// await waits until a frame of n bytes may be written, or the stream is closed.
func (p *classicPeer) await(c *Conn, n int) {
	if p.pacer.rate == 0 {
		return
	}
	for d := p.pacer.wait(n, time.Now()); d > 0; {
		part := d
		if limit := c.eng.writeTimeout; limit > 0 {
			part = min(d, limit/4) // so that the sweeper sees that it goes on, however slowly
		}
		t := time.NewTimer(part)
		select {
		case <-t.C:
		case <-c.streamDone.Wait():
			t.Stop()
			return
		}
		c.out.Progress()
		d -= part
	}
}
