package outbox

import (
	"testing"

	"github.com/hisock/hisock/core/wire"
)

// flush takes and writes all waiting frames, and acknowledges them.
func flush(o *Outbox) {
	if f, _ := o.Release(false); f == Write {
		o.Take()
		o.Done(0)
	}
	o.Acked(o.Stats().Queued)
}

// BenchmarkSend queues frames of 128 B like the handlers of a reader. 64 frames are written at a
// time.
func BenchmarkSend(b *testing.B) {
	o := newOutbox(1<<20, nil)
	o.Keep()
	payload := make([]byte, 128)
	n := wire.CommandSize("echo", len(payload))
	b.ReportAllocs()
	for i := range b.N {
		if i%64 == 0 {
			o.Hold(64 * n)
		}
		dst, no := o.Begin(n, Data)
		if no != nil {
			b.Fatal(no.Why)
		}
		o.Commit(wire.AppendCommand(dst, "echo", payload))
		if i%64 == 63 {
			flush(o)
		}
	}
}

// BenchmarkShare queues one frame of 128 B for many outboxes. Each outbox writes 16 frames at a
// time.
func BenchmarkShare(b *testing.B) {
	outboxes := make([]*Outbox, 100)
	for i := range outboxes {
		outboxes[i] = newOutbox(1<<20, nil)
		outboxes[i].Keep()
	}
	frame := wire.AppendCommand(nil, "news", make([]byte, 128))
	b.ReportAllocs()
	for i := 0; i < b.N; i += 16 * len(outboxes) {
		for _, o := range outboxes {
			o.Hold(0)
		}
		for range 16 {
			k := NewBlock(frame)
			for _, o := range outboxes {
				if no := o.Share(k, Data); no != nil {
					b.Fatal(no.Why)
				}
			}
		}
		for _, o := range outboxes {
			flush(o)
		}
	}
}
