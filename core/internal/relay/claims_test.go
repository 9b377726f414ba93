package relay

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTurns(t *testing.T) {
	c := NewClaims()
	ada := Thing{To: ToNamed, Name: "ada"}
	_, ok, wait := c.Begin(ada)
	require.False(t, ok)
	require.Nil(t, wait)

	c.Enter(ada, 1)
	turn, ok, _ := c.Begin(ada)
	require.True(t, ok)
	require.Equal(t, Turn{Places: 1, Pending: 1, Lap: 1}, turn)
	_, ok, wait = c.Begin(ada)
	require.False(t, ok)
	c.Held(ada, 0, turn.Lap)
	c.End(ada, 1, false)
	<-wait
	c.Leave(ada)
	require.Equal(t, []Thing{ada}, c.TakeDue())
	turn, ok, _ = c.Begin(ada) // the client has its seat
	require.True(t, ok)
	require.Equal(t, Turn{Places: 1, Held: []int{0}, Lap: 1}, turn)
	turn.Count(1)
	require.Equal(t, 1, turn.Needed)
	c.End(ada, 1, false)
	require.Empty(t, c.TakeDue())

	c.Due(ada)
	c.TakeDue()
	turn, ok, _ = c.Begin(ada) // the client has left
	require.True(t, ok)
	turn.Count(0)
	require.Zero(t, turn.Needed)
	require.Equal(t, []int{0}, turn.Held)
	c.Released(ada, 0)
	c.End(ada, 0, false)
	_, ok, wait = c.Begin(ada)
	require.False(t, ok)
	require.Nil(t, wait)
	require.Empty(t, c.things)
}

func TestPlacesOfAUser(t *testing.T) {
	c := NewClaims()
	u := Thing{To: ToUser, Name: "u"}
	c.Enter(u, 3)
	c.Enter(u, 3)
	turn, _, _ := c.Begin(u)
	turn.Count(4)
	require.Equal(t, 3, turn.Needed)
	c.Held(u, 2, turn.Lap)
	c.Doubt(u, 1)
	c.End(u, 3, true)
	require.Equal(t, []Thing{u}, c.TakeDue())
	turn, _, _ = c.Begin(u)
	turn.Count(0)
	require.Equal(t, 2, turn.Needed)
	require.Equal(t, []int{2}, turn.Held)
	require.Equal(t, []int{1}, turn.Doubt)
	c.End(u, 2, false)

	c.Lost()
	require.Equal(t, []Thing{u}, c.TakeDue())
	turn, _, _ = c.Begin(u)
	require.Empty(t, turn.Held, "they are lost")
	require.Equal(t, []int{1, 2}, turn.Doubt)
	c.Held(u, 0, turn.Lap-1) // claimed before it was lost, and answered afterwards
	c.End(u, 2, false)
	turn, _, _ = c.Begin(u)
	require.Empty(t, turn.Held)
	require.Equal(t, []int{0, 1, 2}, turn.Doubt)
}

// A claim that was made just after the others were lost, before the node was told, is given back when nobody needs it.
func TestClaimBeforeTheLossIsTold(t *testing.T) {
	c := NewClaims()
	ada := Thing{To: ToNamed, Name: "ada"}
	c.Enter(ada, 1)
	turn, _, _ := c.Begin(ada)
	c.Held(ada, 0, turn.Lap)
	c.End(ada, 1, false)
	c.Lost()
	c.Leave(ada) // the client has left
	require.Equal(t, []Thing{ada}, c.TakeDue())
	turn, _, _ = c.Begin(ada)
	turn.Count(0)
	require.Zero(t, turn.Needed)
	require.Equal(t, []int{0}, turn.Doubt)
	c.End(ada, 0, true)
	require.Equal(t, []Thing{ada}, c.TakeDue(), "it is not forgotten before it is given back")
	turn, _, _ = c.Begin(ada)
	c.Released(ada, 0)
	c.End(ada, 0, false)
	require.Empty(t, c.things)
}

// Of three that find two places no more than one leaves.
func TestYield(t *testing.T) {
	c := NewClaims()
	u := Thing{To: ToUser, Name: "u"}
	for range 3 {
		c.Enter(u, 4)
	}
	turn, ok, _ := c.Begin(u)
	require.True(t, ok)
	c.Held(u, 0, turn.Lap)
	c.Held(u, 3, turn.Lap)
	turn.Count(0)
	c.End(u, turn.Needed, false)
	require.True(t, c.Yield(u, 0))
	require.False(t, c.Yield(u, 0))
	require.True(t, c.Yield(u, 1), "one has its seat, and has not left yet")
	c.Lost()
	require.True(t, c.Yield(u, 0), "what is lost is no place")
	require.True(t, c.Yield(Thing{To: ToUser, Name: "nobody"}, 0))
}
