//go:build !js

package history

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// groupsOf returns the groups of items, each as a letter.
func groupsOf(items []Item) (groups string) {
	for _, i := range items {
		groups += i.Group
	}
	return groups
}

func TestBacklogIsBounded(t *testing.T) {
	b := NewBacklog(2*(100+Cost), "p")
	put := func(group string, size int) (bool, <-chan struct{}) {
		return b.Put(Item{Group: group, Data: make([]byte, size)})
	}
	for _, g := range []string{"a", "b"} {
		ok, room := put(g, 100)
		require.True(t, ok)
		require.Nil(t, room)
	}
	require.Equal(t, 2*(100+Cost), b.Held())
	ok, room := put("c", 0)
	require.False(t, ok)
	_, same := put("c", 0)
	require.Equal(t, room, same)
	require.Len(t, b.Wake(), 1)

	items := b.Take(1, 1000)
	require.Equal(t, "a", groupsOf(items))
	require.Equal(t, "p-1", items[0].ID)
	require.Equal(t, "a", groupsOf(b.Take(10, 10)), "one comes in any case, and until it is done the same")
	require.Equal(t, "ab", groupsOf(b.Take(10, 200)))
	require.Equal(t, 2*(100+Cost), b.Held(), "it is not done yet")
	b.Done()
	require.Zero(t, b.Held())
	<-room
	ok, _ = put("c", 10_000)
	require.True(t, ok, "it is alone")
	require.Equal(t, "p-3", b.Take(10, 0)[0].ID)
}

func TestBacklogTakesTheLastAlone(t *testing.T) {
	b := NewBacklog(1<<20, "p")
	for _, i := range []Item{{Group: "a"}, {Group: "b"}, {Group: "c", Last: true}, {Group: "d"}} {
		ok, _ := b.Put(i)
		require.True(t, ok)
	}
	for _, want := range []string{"ab", "c", "d", ""} {
		require.Equal(t, want, groupsOf(b.Take(10, 1000)))
		b.Done()
	}
	b.Done()
}

func TestBacklogCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBacklog(100, "p")
		b.Put(Item{Group: "a", Data: make([]byte, 80)})
		_, room := b.Put(Item{Group: "b", Data: make([]byte, 80)})
		woken := false
		go func() { <-room; woken = true }()
		synctest.Wait()
		require.False(t, woken)
		require.Equal(t, "a", groupsOf(b.Close()))
		synctest.Wait()
		require.True(t, woken)
		ok, room := b.Put(Item{})
		require.False(t, ok)
		require.Nil(t, room)
		require.Empty(t, b.Close())
		require.Zero(t, b.Held())
	})
}
