package lock

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A Mutex excludes like a sync.Mutex, with and without the tag, and as the lock of a condition.
func TestMutexExcludes(t *testing.T) {
	var m Mutex[Client]
	var all sync.WaitGroup
	n := 0
	for range 4 {
		all.Go(func() {
			for range 1000 {
				m.Lock()
				n++
				m.Unlock()
			}
		})
	}
	all.Wait()
	require.Equal(t, 4000, n)
	require.True(t, m.TryLock(), "nobody holds it")
	require.False(t, m.TryLock(), "somebody does")
	m.Unlock()

	room := sync.NewCond(&m)
	full := true
	all.Go(func() {
		m.Lock()
		full = false
		m.Unlock()
		room.Broadcast()
	})
	m.Lock()
	for full {
		room.Wait()
	}
	m.Unlock()
	all.Wait()
}

func TestEachPlaceOnce(t *testing.T) {
	seen := map[Place]bool{}
	for _, p := range order {
		require.False(t, seen[p], "%T", p)
		seen[p] = true
	}
}
