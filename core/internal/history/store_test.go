//go:build !js

package history

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

func (s *Store) say(group, text string) {
	g := s.Begin(group)
	g.Keep("say", []byte(text), false)
	g.End(true)
}

// kept returns the kept messages of a group, in their order.
func (s *Store) kept(t *testing.T, group string) (texts []string) {
	g := s.Begin(group)
	defer g.End(false)
	number := g.last - uint64(len(g.kept))
	for _, m := range g.Newest(g.Len(), 1<<30) {
		f, _, ok, err := wire.Next(m.Frame, len(m.Frame))
		require.True(t, ok && err == nil)
		name, n, rest, err := wire.ParseGroup(f.Kind, f.Body)
		require.NoError(t, err)
		number++
		require.Equal(t, group, string(name))
		require.Equal(t, number, n)
		if f.Kind == wire.KindGroupCommand {
			_, rest, err = wire.ParseCommand(rest)
			require.NoError(t, err)
		}
		texts = append(texts, string(rest))
	}
	return texts
}

func TestStoreIsBounded(t *testing.T) {
	cost := wire.GroupCommandSize("a", 1, "say", 100) + Cost
	s := NewStore(Rules{Messages: 4, Bytes: 3 * cost, Groups: 2}, nil, 7)
	pad := func(s string) string { return fmt.Sprintf("%-100s", s) }
	for i := range 5 {
		s.say("a", fmt.Sprint(i))
	}
	require.Equal(t, []string{"1", "2", "3", "4"}, s.kept(t, "a"))
	for i := range 4 {
		s.say("a", pad(fmt.Sprint(i)))
	}
	require.Equal(t, []string{pad("1"), pad("2"), pad("3")}, s.kept(t, "a"))
	require.Equal(t, 3*cost, s.groups["a"].bytes)
	s.say("a", string(make([]byte, 4*cost)))
	require.Empty(t, s.kept(t, "a"))
	require.Empty(t, s.groups, "what is too large leaves nothing")

	// The history of the group that was sent to longest ago goes first. Looking at a group, or
	// joining it, does not count.
	s.say("a", "a1")
	s.say("b", "b1")
	s.say("a", "a2")
	var m Marks
	for range 100 {
		g := s.Begin("b")
		g.Join(&m, wire.Position{})
		g.Leave(&m, true)
		g.End(false)
	}
	require.Equal(t, []string{"b1"}, s.kept(t, "b"))
	s.say("c", "c1")
	require.Empty(t, s.kept(t, "b"))
	require.Equal(t, []string{"a1", "a2"}, s.kept(t, "a"))
	known, keeping := s.Counts()
	require.Equal(t, []int{2, 2}, []int{known, keeping})
	g := s.Begin("a")
	g.Forget()
	g.End(false)
	known, _ = s.Counts()
	require.Equal(t, 1, known)
}

func TestJoinIsGivenMissingMessages(t *testing.T) {
	s := NewStore(Rules{Messages: 10, Bytes: 1 << 20, Groups: 100, Replay: true}, nil, 7)
	join := func(m *Marks, told wire.Position) int {
		g := s.Begin("a")
		defer g.End(false)
		return g.Join(m, told)
	}
	leave := func(m *Marks) {
		g := s.Begin("a")
		defer g.End(false)
		g.Leave(m, true)
	}
	for i := range 5 {
		s.say("a", fmt.Sprint(i))
	}
	var m Marks
	require.Equal(t, 5, join(&m, wire.Position{}))
	leave(&m)
	require.Zero(t, join(&m, wire.Position{}))
	leave(&m)
	s.say("a", "5")
	require.Equal(t, 1, join(&m, wire.Position{}))
	epoch := s.groups["a"].epoch
	var other Marks
	other.Told([]wire.Position{{Group: "b", Epoch: epoch, Number: 6}, {Group: "a", Epoch: epoch, Number: 4}})
	require.Equal(t, 2, join(&other, wire.Position{}), "what it has told")
	require.Equal(t, 6, join(&other, wire.Position{}), "once")
	require.Equal(t, 3, join(new(Marks), wire.Position{Group: "a", Epoch: epoch, Number: 3}))
	require.Equal(t, 6, join(new(Marks), wire.Position{Group: "a", Epoch: epoch + 1, Number: 3}), "of another epoch")
	require.Equal(t, 6, join(new(Marks), wire.Position{Group: "a", Epoch: epoch, Number: 7}), "not sent yet")
	for range 6 {
		s.Gone("a")
	}
	require.Zero(t, s.groups["a"].members)
}

// The epoch of a group stays while a member knows it. A group that is forgotten gets another epoch.
func TestEpochs(t *testing.T) {
	s := NewStore(Rules{Messages: 1, Bytes: 1 << 20, Groups: 1, Replay: true}, nil, 1<<64-1)
	epoch := func(group string) (uint64, uint64) {
		g := s.Begin(group)
		defer g.End(false)
		return g.epoch, g.last
	}
	g := s.Begin("a")
	g.Join(new(Marks), wire.Position{})
	g.End(false)
	s.say("a", "1")
	first, _ := epoch("a")
	require.NotZero(t, first)
	s.say("b", "1") // pushes a out
	require.Empty(t, s.kept(t, "a"))
	again, last := epoch("a")
	require.Equal(t, first, again)
	require.EqualValues(t, 1, last)
	s.Gone("a")
	next, last := epoch("a")
	require.NotEqual(t, first, next)
	require.Zero(t, last)
}

// Members come, leave without a word and are sent to while groups push each other out. At the end the
// store knows only groups with a history. Numbers never go back within an epoch.
func TestStoreAtOnce(t *testing.T) {
	s := NewStore(Rules{Messages: 3, Bytes: 1 << 20, Groups: 2, Replay: true}, nil, 7)
	var mu sync.Mutex // guards seen
	seen := map[string]map[uint64]uint64{}
	note := func(g *Group) {
		mu.Lock()
		defer mu.Unlock()
		if seen[g.name] == nil {
			seen[g.name] = map[uint64]uint64{}
		}
		if g.last < seen[g.name][g.epoch] {
			t.Errorf("%s: %d after %d", g.name, g.last, seen[g.name][g.epoch])
		}
		seen[g.name][g.epoch] = g.last
	}
	var wg sync.WaitGroup
	for w := range 6 {
		wg.Go(func() {
			rnd := rand.New(rand.NewPCG(1, uint64(w)))
			var m Marks
			for range 2000 {
				name := string(rune('a' + rnd.IntN(5)))
				switch g := s.Begin(name); rnd.IntN(3) {
				case 0:
					g.Keep("say", nil, rnd.IntN(2) == 0)
					note(g)
					g.End(true)
				case 1:
					g.Join(&m, wire.Position{})
					note(g)
					g.End(false)
					s.Gone(name)
				default:
					g.Join(&m, wire.Position{})
					g.Leave(&m, true)
					note(g)
					g.End(false)
				}
			}
		})
	}
	wg.Wait()
	known, keeping := s.Counts()
	require.Equal(t, known, keeping)
	require.LessOrEqual(t, keeping, 2)
}
