package groupset

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSet(t *testing.T) {
	var s Set
	require.Nil(t, s.Names())
	require.Zero(t, s.First())
	require.False(t, s.Remove("red"))
	added, full := s.Add("red", 2)
	require.True(t, added && !full)
	added, full = s.Add("red", 1)
	require.False(t, added || full, "it is there already")
	s.Add("blue", 2)
	added, full = s.Add("green", 2)
	require.True(t, !added && full)
	require.Equal(t, []string{"blue", "red"}, s.Names())
	require.Equal(t, "blue", s.First())
	require.True(t, s.Has("red") && !s.Has("green"))
	require.True(t, s.Remove("blue"))
	require.Equal(t, []string{"red"}, s.Names())
	s.Names()[0] = "changed"
	require.True(t, s.Has("red"))
}

// A set equals a map after any sequence of changes, with few names and with many.
func TestSetIsASet(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var s Set
	want := map[string]bool{}
	for i := range 20_000 {
		span := 8 << (i / 2000 % 6) // the set grows over the bound of the list and shrinks below it
		name := fmt.Sprint(rnd.IntN(span))
		if rnd.IntN(2) == 0 {
			added, _ := s.Add(name, -1)
			require.Equal(t, !want[name], added)
			want[name] = true
		} else {
			require.Equal(t, want[name], s.Remove(name))
			delete(want, name)
		}
		if i%2000 == 1999 {
			for name := range want {
				s.Remove(name)
				delete(want, name)
			}
		}
		require.Equal(t, len(want), s.Len())
		if i%50 == 0 {
			names := make([]string, 0, len(want))
			for n := range want {
				names = append(names, n)
			}
			slices.Sort(names)
			got := s.Names()
			require.Equal(t, names, append([]string{}, got...))
			if len(names) > 0 {
				require.Equal(t, names[0], s.First())
			}
		}
	}
}
