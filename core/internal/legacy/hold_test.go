package legacy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Only the first command of a client tells whether the client speaks 2.x or 3.0a.
func TestSettle(t *testing.T) {
	tests := map[string]Dialect{"$CMD$say$MSG$hello": V2x, "$CMD$say$MSG$2       2shi": V30a}
	for command, want := range tests {
		n := Client(Settings{MaxFrame: 1 << 20, MaxHeld: 1 << 10})
		hello := frames(`$CLTHELLO${"name": "ada", "group": null}`)
		h, size, ok, err := n.Hello(hello, 1<<10)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, len(hello), size)
		require.Equal(t, LabelOf("ada"), h.Name)
		require.Equal(t, Unknown, n.Dialect())

		require.True(t, n.Holds())
		got, _ := n.Hold(Outgoing{Command: "empty"}, false)
		require.Equal(t, Pass, got, "all read it alike")
		got, _ = n.Hold(Outgoing{Command: "a", Payload: []byte("b")}, false)
		require.Equal(t, Held, got)
		got, _ = n.Hold(Outgoing{Command: "empty"}, false)
		require.Equal(t, Held, got, "behind what waits")
		require.False(t, n.HeldLong(time.Second))
		require.False(t, n.HeldLong(time.Second+heldLong-1))
		require.True(t, n.HeldLong(time.Second+heldLong))
		require.False(t, n.HeldLong(time.Hour), "once")

		require.False(t, n.Route([]byte("$KEEPACK$")).Settled)
		require.Equal(t, Unknown, n.Dialect())
		e := n.Route([]byte(command))
		require.True(t, e.Settled)
		require.Equal(t, want, n.Dialect())
		require.Equal(t, "say", string(e.Name))
		require.Len(t, n.TakeHeld(), 2)
		require.Empty(t, n.TakeHeld())
		require.False(t, n.Holds())
		require.Zero(t, n.Held())
		for other := range tests {
			require.False(t, n.Route([]byte(other)).Settled)
			require.Equal(t, want, n.Dialect())
		}
	}
}
