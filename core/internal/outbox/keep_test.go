//go:build !js

package outbox

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// The frames that an idle outbox keeps take only their own memory after Tighten. They are written
// again unchanged.
func TestTighten(t *testing.T) {
	o := newOutbox(1<<20, nil)
	o.keep.on = true
	var want []byte
	send := func(payload string) {
		n := wire.CommandSize("say", len(payload))
		o.commitLocked(wire.AppendCommand(o.spaceLocked(n), "say", []byte(payload)))
		want = wire.AppendCommand(want, "say", []byte(payload))
	}
	flush := func() (got []byte) {
		o.writing = true
		for vec, _ := o.takeLocked(); vec != nil; vec, _ = o.takeLocked() {
			for _, b := range vec {
				got = append(got, b...)
			}
			o.doneLocked()
		}
		return got
	}
	lastBlock := func() int { return cap(o.log[len(o.log)-1].b) }

	send("one")
	queued := o.Tighten(0)
	require.Equal(t, smallBlock, lastBlock(), "it was in use since")
	require.Equal(t, want, flush())
	require.Equal(t, queued, o.Tighten(queued))
	require.Equal(t, len(want), lastBlock())
	require.Equal(t, len(want), o.heldLocked())
	o.Tighten(queued)

	for _, b := range o.vec[:cap(o.vec)] {
		require.Nil(t, b, "nothing else holds the block")
	}

	send("two")
	require.Equal(t, smallBlock, lastBlock(), "the next block is no larger than the first")
	o.writing = true
	o.takeLocked()
	require.Equal(t, uint64(2), o.Tighten(2))
	require.Equal(t, smallBlock, lastBlock(), "somebody is writing it")
	o.doneLocked()
	flush()
	o.Tighten(2)
	require.Equal(t, len(want), o.heldLocked())

	o.Suspend()
	require.True(t, o.Resume("another link", 0, 0, nil))
	require.Equal(t, want, flush(), "all is written again")
	require.True(t, o.Acked(2))
	require.Zero(t, o.heldLocked())
	require.Zero(t, o.slack)
}
