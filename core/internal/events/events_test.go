package events

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Events run one after the other in their order, in whichever way they are added.
func TestLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Line
		var got []int // without a lock: one event runs at a time
		var all sync.WaitGroup
		add := func(i int, takes time.Duration) *Event {
			e, start := l.Add(func() { time.Sleep(takes); got = append(got, i) })
			if start {
				all.Go(l.Run)
			}
			return e
		}
		first := add(0, time.Second)
		for i := range 9 {
			add(1+i, 0)
		}
		<-first.Done()
		all.Wait()
		require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, got)
		<-add(10, 0).Done()
		all.Wait()
		require.Len(t, got, 11)
	})
}

// Held events run when they are freed.
func TestHold(t *testing.T) {
	var l Line
	l.Hold()
	ran := 0
	_, start := l.Add(func() { ran++ })
	require.False(t, start)
	require.True(t, l.Free())
	l.Run()
	require.Equal(t, 1, ran)
	l.Hold()
	require.False(t, l.Free())
	_, start = l.Add(func() { ran++ })
	require.True(t, start)
	l.Run()
	require.Equal(t, 2, ran)
}

// An event that ends its goroutine is over. Another goroutine goes on with the events after it.
func TestGoexit(t *testing.T) {
	var l Line
	e, _ := l.Add(runtime.Goexit)
	ran := false
	l.Add(func() { ran = true })
	var all sync.WaitGroup
	returned := false
	all.Go(func() { l.Run(); returned = true })
	all.Wait()
	<-e.Done()
	require.False(t, returned)
	require.False(t, ran)
	l.Run()
	require.True(t, ran)
}

// RunTo runs the events up to the given one, and no later event.
func TestRunTo(t *testing.T) {
	var l Line
	var got []int
	for i := range 3 {
		e, _ := l.Add(func() { got = append(got, i) })
		if i == 1 {
			l.RunTo(e.Done())
			l.RunTo(e.Done())
		}
	}
	require.Equal(t, []int{0, 1}, got)
	l.Run()
	require.Equal(t, []int{0, 1, 2}, got)
}

// An event may add other events.
func TestAddInside(t *testing.T) {
	var l Line
	var got []int
	l.Add(func() {
		got = append(got, 1)
		_, start := l.Add(func() { got = append(got, 2) })
		require.False(t, start)
	})
	l.Run()
	require.Equal(t, []int{1, 2}, got)
}
