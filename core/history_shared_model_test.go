//go:build !js

package core_test

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// Servers send to groups while clients come, go, leave groups, join them and go on at other servers, and while the store is cut off from
// some servers, forgets what it has told them, or tells them that an append has failed that has not. Each client is given each message that
// was sent to its groups since it was there first, once, in the one order that all clients see, however it went from server to server.
func TestSharedHistoryModel(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			t.Parallel()
			withSharedHistory(t, 3, core.History{Messages: 1000, Bytes: 1 << 20, Groups: 1 + int(seed%3)}, time.Duration(seed%3)*time.Millisecond, func(t *testing.T, s *sharedScene) {
				m := &historyModel{sharedScene: s, random: rand.New(rand.NewPCG(seed, 3)), sent: map[string][]string{}}
				m.run(400)
			})
		})
	}
}

var modelGroups = []string{"red", "blue", "green"}

type historyModel struct {
	*sharedScene
	random *rand.Rand
	rovers []*modelRover
	sent   map[string][]string
}

type modelRover struct {
	*rover
	here bool
	in   map[string]bool // groups that it is in, or was when it went away
	got  map[string][]string
}

func (m *historyModel) run(steps int) {
	for i := range 6 {
		r := &modelRover{rover: m.rover("r"+strconv.Itoa(i), modelGroups...), in: map[string]bool{}, got: map[string][]string{}}
		m.rovers = append(m.rovers, r)
		r.to(m.nodes[i%3])
		r.here = true
		for _, g := range modelGroups {
			r.in[g] = true
		}
	}
	for range steps {
		r := m.rovers[m.random.IntN(len(m.rovers))]
		group := modelGroups[m.random.IntN(3)]
		switch m.random.IntN(14) {
		case 0:
			r.away()
			r.here = false
		case 1, 2:
			if !r.here {
				r.to(m.nodes[m.random.IntN(3)])
				r.here = true
				for _, g := range modelGroups {
					r.in[g] = true // they are in its hello
				}
			}
		case 3:
			if r.here && r.in[group] {
				require.NoError(m.t, r.Leave(m.t.Context(), group))
				r.in[group] = false
			}
		case 4:
			if r.here && !r.in[group] {
				require.NoError(m.t, r.Join(m.t.Context(), group))
				r.in[group] = true
			}
		case 5:
			m.ways[m.random.IntN(3)].Cut()
		case 6:
			for _, w := range m.ways {
				w.Mend()
			}
		case 7:
			m.ways[m.random.IntN(3)].Doubt(2)
		case 8:
			lost := m.random.IntN(2) == 0
			m.store.Lose(func(string) bool { return lost })
		case 9:
			m.pass(time.Duration(m.random.IntN(50)) * time.Millisecond)
		default:
			n := m.random.IntN(3)
			for range 1 + m.random.IntN(4) {
				text := group + " " + strconv.Itoa(n) + " " + strconv.Itoa(len(m.sent[group]))
				m.sent[group] = append(m.sent[group], text)
				require.NoError(m.t, m.nodes[n].srv.Group(group).SendBytes("say", []byte(text)))
			}
		}
	}
	for _, w := range m.ways {
		w.Mend()
		w.Doubt(0)
	}
	m.store.Lose(nil)
	for i, r := range m.rovers {
		if !r.here {
			r.to(m.nodes[i%3])
			for _, g := range modelGroups {
				r.in[g] = true
			}
		}
		for _, g := range modelGroups {
			if !r.in[g] {
				require.NoError(m.t, r.Join(m.t.Context(), g))
			}
		}
	}
	m.pass(time.Minute) // also for the audit
	for _, r := range m.rovers {
		for _, text := range r.take() {
			require.NotContains(m.t, text, "missed")
			for _, g := range modelGroups {
				if len(text) > len(g) && text[:len(g)] == g {
					r.got[g] = append(r.got[g], text)
				}
			}
		}
		for _, g := range modelGroups {
			require.Equal(m.t, m.rovers[0].got[g], r.got[g], "%s in %s", r.Name(), g)
		}
	}
	for _, g := range modelGroups {
		got := m.rovers[0].got[g]
		require.ElementsMatch(m.t, m.sent[g], got)
		for n := range 3 {
			of := func(texts []string) []string {
				return slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return text[len(g)+1] != byte('0'+n) })
			}
			require.Equal(m.t, of(m.sent[g]), of(got), "what one server sends stays in order")
		}
	}
}
