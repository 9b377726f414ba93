//go:build lockorder

package lock

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOrder(t *testing.T) {
	var first, other Mutex[Client]
	var second Mutex[Outbox]
	var third RWMutex[Latch]

	first.Lock()
	second.Lock()
	third.RLock()
	require.PanicsWithValue(t, "lock: Client is taken while Client is held", other.Lock, "two of one place")
	first.Unlock() // in any order
	require.PanicsWithValue(t, "lock: Client is taken while Outbox is held", other.Lock, "against the order")
	require.PanicsWithValue(t, "lock: Latch is taken while Latch is held", third.RLock, "a writer may wait in between")
	require.True(t, other.TryLock(), "who does not wait may")
	other.Unlock()
	second.Unlock()
	third.RUnlock()

	require.NotPanics(t, third.Lock, "nothing is left of what was held")
	third.Unlock()
	require.NotPanics(t, other.Lock)
	other.Unlock()
}

func TestForeignUnlock(t *testing.T) {
	var m Mutex[Client]
	m.Lock()
	done := make(chan any)
	go func() {
		defer func() { done <- recover() }()
		m.Unlock()
	}()
	require.Contains(t, <-done, "by a goroutine that has not locked it")
	m.Unlock()
}

func TestMustHoldNone(t *testing.T) {
	var m Mutex[Client]
	require.NotPanics(t, MustHoldNone)
	m.Lock()
	require.PanicsWithValue(t, "lock: code of the program runs while Client is held", MustHoldNone)
	m.Unlock()
	require.NotPanics(t, MustHoldNone)
}
