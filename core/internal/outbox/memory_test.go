package outbox

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// A full queue holds little more memory than it counts, for any mix of frames.
func TestQueueMemoryStaysInBounds(t *testing.T) {
	small, large := wire.AppendRaw(nil, nil), wire.AppendRaw(nil, make([]byte, copyBelow))
	own := func(f []byte) func(q *Outbox) {
		return func(q *Outbox) { q.commitLocked(append(q.spaceLocked(len(f)), f...)) }
	}
	share := func(f []byte) func(q *Outbox) { return func(q *Outbox) { q.shareLocked(NewBlock(f)) } }
	tests := map[string][]func(q *Outbox){
		"small own":                     {own(small)},
		"small shared":                  {share(small)},
		"small shared and own in turn":  {share(small), own(small)},
		"large own":                     {own(large)},
		"large shared and small own":    {share(large), own(small)},
		"large own and small shared":    {own(large), share(small)},
		"large and small shared, owned": {share(large), share(small), own(small)},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			q := newOutbox(256<<10, nil)
			for i := 0; q.roomForLocked(len(large), q.limit); i++ {
				steps[i%len(steps)](q)
			}
			held := cap(q.log) * int(unsafe.Sizeof(q.log[0]))
			for _, k := range q.log {
				held += cap(k.b) + int(unsafe.Sizeof(*k))
			}
			require.Less(t, held, 3*q.limit)
		})
	}
}
