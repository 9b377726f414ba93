package admit

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func addr(i int) Addr { return Addr{Host: fmt.Sprint(i)} }

// enter lets n newcomers from one address enter, and returns their slots.
func enter(g *Gate, from Addr, n int) (slots []*Slot) {
	for range n {
		p, _ := g.Enter(from, nil)
		slots = append(slots, p)
	}
	return slots
}

// join lets a newcomer enter, be decided about, and join.
func join(t *testing.T, g *Gate, from Addr) *Slot {
	t.Helper()
	p, _ := g.Enter(from, nil)
	_, no := g.Ask(p)
	require.Equal(t, None, no)
	_, no = g.Join(p, nil)
	require.Equal(t, None, no)
	return p
}

// Silent newcomers make room for others. The oldest newcomer of the address with the most goes
// first.
func TestGreetingMakesRoom(t *testing.T) {
	tests := map[string]struct {
		flood  Addr
		limits Limits
	}{
		"from one address":                      {addr(0), Limits{Greeting: 100}},
		"from one that may stand for many":      {Addr{Host: "::1", Many: true}, Limits{Greeting: 100, GreetingPerAddr: 5}},
		"without a limit but that of all slots": {addr(0), Limits{Conns: 100}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			g := New(tc.limits)
			honest, _ := g.Enter(addr(1), nil)
			flood := enter(g, tc.flood, 1000)
			require.False(t, g.HasRoomMade(honest))
			require.Equal(t, 100, g.Counts().Greeting)
			require.True(t, g.HasRoomMade(flood[900]))
			require.False(t, g.HasRoomMade(flood[901]), "the oldest go first")
			for i := range 50 {
				p, evicted := g.Enter(addr(2+i), nil)
				require.Equal(t, flood[901+i], evicted)
				require.False(t, g.HasRoomMade(p))
			}
		})
	}
}

// If every address has one newcomer, the oldest newcomer makes room.
func TestGreetingOfManyAddresses(t *testing.T) {
	g := New(Limits{Greeting: 10})
	var all []*Slot
	for i := range 100 {
		p, evicted := g.Enter(addr(i), nil)
		if all = append(all, p); i >= 10 {
			require.Equal(t, all[i-10], evicted)
		}
	}
}

func TestGreetingPerAddr(t *testing.T) {
	g := New(Limits{Greeting: 100, GreetingPerAddr: 5})
	own := enter(g, addr(1), 5)
	p, evicted := g.Enter(addr(1), nil)
	require.Equal(t, own[0], evicted)
	for range 5 {
		require.Nil(t, g.Refuse(p), "it is one of them already")
	}
	other, evicted := g.Enter(addr(2), nil)
	require.Nil(t, evicted)
	require.False(t, g.HasRoomMade(other))
}

// A newcomer that the program decides about is not evicted for a newcomer of its own address, or of
// an address that has as many.
func TestDecidingIsShared(t *testing.T) {
	g := New(Limits{Greeting: 10})
	first := enter(g, addr(1), 10)
	for _, p := range first {
		_, no := g.Ask(p)
		require.Equal(t, None, no)
	}
	more, _ := g.Enter(addr(1), nil)
	_, no := g.Ask(more)
	require.Equal(t, Busy, no)
	for i := range 5 {
		p, _ := g.Enter(addr(2), nil)
		evicted, no := g.Ask(p)
		require.Equal(t, None, no)
		require.Equal(t, first[9-i], evicted, "the one that came last")
	}
	p, _ := g.Enter(addr(2), nil)
	_, no = g.Ask(p)
	require.Equal(t, Busy, no, "both have 5")
	_, no = g.Join(first[0], nil)
	require.Equal(t, None, no)
	_, no = g.Join(first[9], nil)
	require.Equal(t, MadeRoom, no)
	_, no = g.Ask(p)
	require.Equal(t, None, no)
}

func TestConns(t *testing.T) {
	g := New(Limits{Conns: 3, ConnsPerAddr: 2})
	a := join(t, g, addr(1))
	join(t, g, addr(1))
	p, _ := g.Enter(addr(1), nil)
	_, no := g.Ask(p)
	require.Equal(t, AddrFull, no)
	join(t, g, addr(2))
	q, _ := g.Enter(addr(3), nil)
	_, no = g.Ask(q)
	require.Equal(t, Full, no)
	g.Free(a)
	g.Free(a)
	_, no = g.Ask(q)
	require.Equal(t, None, no)
	_, no = g.Ask(p)
	require.Equal(t, Full, no, "one who is decided about counts")
}

// Suspended clients make room for newcomers. A client that comes back before keeps its slot.
func TestWaitingMakesRoom(t *testing.T) {
	g := New(Limits{Conns: 10})
	honest := join(t, g, addr(1))
	require.True(t, g.Suspend(honest))
	var flood []*Slot
	for range 9 {
		p := join(t, g, addr(2))
		require.True(t, g.Suspend(p))
		flood = append(flood, p)
	}
	for i := range 8 {
		p, _ := g.Enter(addr(3), nil)
		_, no := g.Ask(p)
		require.Equal(t, None, no)
		evicted, no := g.Join(p, i)
		require.Equal(t, None, no)
		require.Equal(t, []*Slot{flood[i]}, evicted)
		require.Equal(t, i, p.Owner())
	}
	require.False(t, g.Suspend(flood[0]))
	back, _ := g.Enter(addr(4), nil)
	_, ok := g.Resume(honest, back)
	require.True(t, ok)
	last := join(t, g, addr(3))
	require.True(t, g.HasRoomMade(flood[8]))
	g.Free(last)
	join(t, g, addr(3))
	p, _ := g.Enter(addr(3), nil)
	_, no := g.Ask(p)
	require.Equal(t, None, no)
	_, no = g.Join(p, nil)
	require.Equal(t, Full, no, "the one that waits is about to come back")
	require.True(t, g.Relink(honest, back))
	g.Free(back)
	require.Equal(t, Counts{Greeting: 0, Deciding: 1, Settled: 10, Addrs: 2}, g.Counts())
	require.True(t, g.Suspend(honest))
	g.Leave(honest)
	require.Equal(t, 10, g.Counts().Settled)
	g.Free(honest)
	require.Equal(t, 9, g.Counts().Settled)
}

// An address has no more than its slots, for linked and suspended clients together.
func TestWaitingCountsByAddress(t *testing.T) {
	g := New(Limits{Conns: 1000, ConnsPerAddr: 20})
	for i := range 400 {
		p := join(t, g, addr(1))
		if i%3 > 0 {
			require.True(t, g.Suspend(p))
		} else if i > 10 {
			g.Free(p)
		}
		c := g.Counts()
		require.LessOrEqual(t, c.Settled+c.Waiting, 20)
	}
	other := join(t, g, addr(2))
	require.True(t, g.Suspend(other))
	for range 100 {
		require.True(t, g.Suspend(join(t, g, addr(1))))
	}
	require.False(t, g.HasRoomMade(other))
}

// A newcomer that resumes a session needs no slot of its own. Of several, the newest resumes.
func TestResume(t *testing.T) {
	g := New(Limits{Conns: 1, Greeting: 2})
	s := join(t, g, addr(1))
	a, _ := g.Enter(addr(1), "a")
	evicted, ok := g.Resume(s, a)
	require.True(t, ok)
	require.Nil(t, evicted)
	require.False(t, g.Relink(s, a), "it does not wait")
	enter(g, addr(2), 10)
	require.False(t, g.HasRoomMade(a))
	b, _ := g.Enter(addr(3), "b")
	evicted, ok = g.Resume(s, b)
	require.True(t, ok)
	require.Equal(t, "a", evicted.Owner())
	require.True(t, g.Suspend(s))
	require.False(t, g.Relink(s, a))
	require.True(t, g.Relink(s, b))
	require.False(t, g.HasRoomMade(b), "it may still join")
	g.Free(b)
	_, ok = g.Resume(s, a)
	require.False(t, ok)
	require.Equal(t, 1, g.Counts().Settled)

	c, _ := g.Enter(addr(3), nil)
	require.True(t, g.Suspend(s))
	_, ok = g.Resume(s, c)
	require.True(t, ok)
	_, no := g.Ask(c) // it joins anew instead
	require.Equal(t, None, no)
	evictedAll, no := g.Join(c, nil)
	require.Equal(t, None, no)
	require.Equal(t, []*Slot{s}, evictedAll)
}

// A newcomer that a proxy has passed on counts for the proxy until its own address is known.
func TestMove(t *testing.T) {
	g := New(Limits{Greeting: 100, GreetingPerAddr: 5, GreetingOfMany: true})
	proxy := Addr{Host: "10.0.0.1", Many: true, Proxy: true}
	passed := enter(g, proxy, 50)
	require.Equal(t, 50, g.Counts().Greeting, "no limit of one address holds for a proxy")
	for i, p := range passed[:10] {
		evicted := g.Move(p, addr(1))
		if i < 5 {
			require.Nil(t, evicted)
		} else {
			require.Equal(t, passed[i-5], evicted)
		}
	}
	require.Nil(t, g.Move(passed[9], addr(1)), "it is there")
	require.Nil(t, g.Move(passed[0], addr(2)), "it has lost its place")
	require.Equal(t, 2, g.Counts().Addrs)
	_, no := g.Ask(passed[9])
	require.Equal(t, None, no)
	require.Nil(t, g.Move(passed[9], addr(2)), "too late")
	for _, p := range passed {
		g.Free(p)
	}
	require.Equal(t, Counts{}, g.Counts())
}

// The counts are right after any sequence of operations, and no limit is exceeded but the limit of
// an address to which sessions have moved.
func TestGateModel(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 1))
		limits := Limits{Conns: r.IntN(12), ConnsPerAddr: r.IntN(5), Greeting: r.IntN(8), GreetingPerAddr: r.IntN(4), ConnsOfMany: r.IntN(2) == 0}
		g := New(limits)
		var slots []*Slot
		for range 400 {
			if len(slots) == 0 || r.IntN(4) == 0 {
				p, _ := g.Enter(Addr{Host: fmt.Sprint(r.IntN(4)), Many: false}, nil)
				slots = append(slots, p)
			}
			p := slots[r.IntN(len(slots))]
			switch r.IntN(10) {
			case 0, 1:
				if p.state == Greeting || p.state == Resuming {
					g.Ask(p)
				}
			case 2, 3:
				g.Join(p, nil)
			case 4:
				g.Suspend(p)
			case 5:
				g.Leave(p)
			case 6:
				if s := slots[r.IntN(len(slots))]; s.state == Linked || s.state == Waiting {
					g.Resume(s, p)
				}
			case 7:
				for _, s := range slots {
					if s.resumer != nil {
						g.Relink(s, s.resumer)
						break
					}
				}
			case 8:
				if r.IntN(2) == 0 {
					g.Free(p)
				} else {
					g.Refuse(p)
				}
			case 9:
				g.Move(p, Addr{Host: fmt.Sprint(r.IntN(4)), Many: false})
			}
			check(t, g, slots)
		}
		for _, p := range slots {
			g.Free(p)
		}
		require.Equal(t, Counts{}, g.Counts())
		require.Empty(t, g.greeting.ranks)
		require.Empty(t, g.waiting.ranks)
	}
}

func check(t *testing.T, g *Gate, slots []*Slot) {
	t.Helper()
	var n [Gone + 1]int
	sites := map[*site]map[State]int{}
	protected := 0
	for _, p := range slots {
		if n[p.state]++; p.state == Gone {
			require.Nil(t, p.at)
			continue
		}
		require.Same(t, g.sites[p.at.addr], p.at)
		if sites[p.at] == nil {
			sites[p.at] = map[State]int{}
		}
		sites[p.at][p.state]++
		if p.state == Waiting && p.resumer != nil {
			protected++
		}
		if p.resumer != nil {
			require.Same(t, p, p.resumer.session)
			require.Equal(t, Resuming, p.resumer.state)
		}
	}
	require.Len(t, g.sites, len(sites))
	require.Equal(t, n[Greeting]+n[Refused], g.greeting.size)
	require.Equal(t, n[Deciding], g.deciding.size)
	require.Equal(t, n[Waiting]-protected, g.waiting.size)
	require.Equal(t, n[Waiting], g.waits)
	require.Equal(t, n[Linked]+n[Left], g.settled)
	for s, by := range sites {
		require.Equal(t, by[Linked]+by[Left], s.settled)
		require.Equal(t, by[Waiting], s.waits)
		require.Equal(t, by[Greeting]+by[Refused], s.lines[inGreeting].n)
		require.LessOrEqual(t, g.greeting.size, max(g.greeting.size*boolInt(g.limits.Greeting == 0), g.limits.Greeting))
		if g.greeting.size > 0 {
			require.LessOrEqual(t, s.lines[inGreeting].n, g.greeting.most().lines[inGreeting].n)
		}
	}
	if g.limits.Conns > 0 {
		require.LessOrEqual(t, g.settled+g.waits, g.limits.Conns)
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
