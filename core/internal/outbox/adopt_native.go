//go:build !js

package outbox

// Adopt opens an outbox that was closed, with what an outbox of another server has held, the welcome, and then further frames, which have come
// meanwhile. Nobody writes. For received and counted see Resume.
func (o *Outbox) Adopt(p Parked, received, counted uint64, welcome []byte, further [][]byte) {
	o.mu.Lock()
	o.unparkLocked(p, received, counted, welcome)
	for _, frame := range further {
		o.commitLocked(append(o.spaceLocked(len(frame)), frame...))
	}
	o.closed = false
	o.pressLocked()
	o.countLocked()
	o.openLocked()
	w := o.wakeLocked()
	o.mu.Unlock()
	o.wake(w)
}
