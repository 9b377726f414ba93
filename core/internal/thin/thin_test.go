package thin

import (
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// ask asks n times at this moment. It returns the number of lines that are written, and the numbers
// of left-out lines that the last of them has.
func ask(l *Log, s *Source, kind string, quiet bool, n int) (written int, own, all uint64) {
	for range n {
		if ok, o, a := l.Ask(s, kind, quiet, time.Now()); ok {
			written++
			own, all = o, a
		}
	}
	return written, own, all
}

// The first lines about a source are written. After that a line is written from time to time, with
// the number of lines that were left out.
func TestSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Log
		var s, other Source
		n, own, all := ask(&l, &s, "a", false, 1000)
		require.Equal(t, []uint64{ofSource, 0, 0}, []uint64{uint64(n), own, all})
		n, _, _ = ask(&l, &s, "b", false, 1000)
		require.Equal(t, ofSource, n, "another kind counts by itself")
		n, _, _ = ask(&l, &other, "a", false, 1000)
		require.Equal(t, ofSource, n, "and so does another source")

		time.Sleep(every - 1)
		n, _, _ = ask(&l, &s, "a", false, 1)
		require.Zero(t, n)
		time.Sleep(time.Nanosecond)
		n, own, all = ask(&l, &s, "a", false, 10)
		require.Equal(t, []uint64{1, 1000 - ofSource + 1, 0}, []uint64{uint64(n), own, all})

		time.Sleep(time.Hour)
		n, own, _ = ask(&l, &s, "a", false, 10)
		require.Equal(t, ofSource, n)
		require.Zero(t, own, "it was told with the first of these")
	})
}

// Many sources together write no more lines than one source in the long run. The others are
// counted.
func TestAllSources(t *testing.T) {
	for name, quiet := range map[string]bool{"loud": false, "quiet": true} {
		most, step := ofAll, allEvery
		if quiet {
			most, step = ofAllQuiet, allEveryQuiet
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l Log
				const sources = 10000
				written := 0
				for range sources {
					n, _, _ := ask(&l, new(Source), "a", quiet, 10)
					written += n
				}
				require.Equal(t, most, written)
				n, _, _ := ask(&l, nil, "b", quiet, 2*most)
				require.Equal(t, most, n, "another kind, about nobody")

				time.Sleep(step)
				var s Source
				n, own, all := ask(&l, &s, "a", quiet, 1)
				require.Equal(t, 1, n)
				require.Zero(t, own)
				require.Equal(t, uint64(sources-most/ofSource)*10, all, "those who were written of have counted theirs themselves")
			})
		})
	}
}

// The lines that are left out at the end are told once, for a source and for all.
func TestEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Log
		var s Source
		require.Nil(t, s.End())
		require.Nil(t, l.End())
		ask(&l, &s, "a", false, 10)
		ask(&l, &s, "b", true, 7)
		ask(&l, &s, "c", true, 5)
		require.Equal(t, []Left{{"a", false, 5}, {"b", true, 2}}, s.End())
		require.Nil(t, s.End())

		ask(&l, nil, "d", false, ofAll+3)
		require.Equal(t, []Left{{"d", false, 3}}, l.End())
		require.Nil(t, l.End())
		n, _, _ := ask(&l, nil, "d", false, 1)
		require.Zero(t, n, "which makes no room")
	})
}

// The memory is bounded for any number of kinds, and every line is counted.
func TestManyKinds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l Log
		var s Source
		const kinds = 1000
		written := 0
		for i := range kinds {
			n, _, _ := ask(&l, &s, strconv.Itoa(i), false, 1)
			written += n
		}
		require.Equal(t, maxSourceKinds, len(s.p.Load().kinds))
		require.LessOrEqual(t, len(l.kinds), maxKinds)
		left := 0
		for _, of := range s.End() {
			left += int(of.Lines)
		}
		require.Equal(t, kinds, written+left)
		for i := range kinds {
			ask(&l, nil, strconv.Itoa(i), false, 1)
		}
		require.Equal(t, maxKinds, len(l.kinds))
	})
}

// Sources write and end at the same time.
func TestConcurrent(t *testing.T) {
	var l Log
	var s Source
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 1000 {
				l.Ask(&s, "a", false, time.Now())
				l.Ask(nil, "b", true, time.Now())
				s.End()
				l.End()
			}
		})
	}
	wg.Wait()
}
