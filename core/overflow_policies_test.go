//go:build !js

package core

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// Each policy has a text, is an option, and says truly whether frames under it give way: in the queue of a peer that
// does not read, and among the frames that are held back for a client of the original. A new policy must pass here
// before it has a test of its own.
func TestEachOverflow(t *testing.T) {
	dropping := 0
	for o := range overflowEnd {
		t.Run(o.String(), func(t *testing.T) {
			require.NotEqual(t, overflowEnd.String(), o.String(), "it has a text")
			var faults optionFaults
			checkOverflow(&faults, o, map[string]Overflow{"n": o})
			require.NoError(t, faults.err())
			if !o.drops() {
				return
			}
			dropping++
			opts := func() *ServerOptions {
				return &ServerOptions{Limits: Limits{QueueBytes: 16 << 10}, OverflowOf: map[string]Overflow{"n": o}}
			}
			inWorld(t, opts(), func(w *world) {
				w.serve()
				p := w.slow("ada")
				p.stall()
				for i := range 100 {
					p.c.SendBytes("n", number(i, 1000)) //nolint:errcheck // counted below
				}
				got, missed := p.rest()
				require.NotEmpty(t, got)
				require.NotZero(t, missed)
				require.Equal(t, o.dropsOlder(), got[0] != "n 0", "newBlock and dropsOlder agree")
				require.NoError(t, p.Stream.Close())
			})
			inWorld(t, opts(), func(w *world) {
				w.serve()
				p := w.peer()
				const hello = `$CLTHELLO${"name": "eve", "group": null}`
				p.Send(fmt.Appendf(nil, "%-16d%s", len(hello), hello))
				synctest.Wait()
				c := w.conn("eve")
				require.Equal(t, DialectUnknown, c.Dialect())
				for i := range 100 {
					c.SendBytes("n", number(i, 1000)) //nolint:errcheck // counted below
				}
				require.NotZero(t, w.srv.Stats().Dropped)
				held := c.legacy.TakeHeld()
				require.NotEmpty(t, held)
				require.Equal(t, o.dropsOlder(), held[0].Payload[0] != 0, "what is held back gives way too")
				require.NoError(t, p.Stream.Close())
			})
		})
	}
	require.NotZero(t, dropping)
	var faults optionFaults
	checkOverflow(&faults, overflowEnd, nil)
	require.Error(t, faults.err())
}
