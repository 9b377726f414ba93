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
	"github.com/hisock/hisock/core/relaytest"
)

// Three nodes behave as one big server would: what is sent while they are connected arrives exactly once and in order at exactly the clients that
// it is for, and after each partition the nodes agree again on who is there. What is sent during a partition reaches the clients of the
// sender's side, and the others at most once.
func TestThreeNodesAreOne(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			inCluster(t, clusterSetting{nodes: 3, options: uniqueNames, relay: relaytest.MemoryOptions{Delay: time.Duration(seed%3) * time.Millisecond}}, func(t *testing.T, s *clusterScene) {
				(&clusterModel{clusterScene: s, random: rand.New(rand.NewPCG(seed, 1)), members: map[*clusterClient]*modelMember{}}).run(400)
			})
		})
	}
}

type clusterModel struct {
	*clusterScene
	random  *rand.Rand
	members map[*clusterClient]*modelMember
	sent    int
	names   int
	split   int // the node that is cut off or alone; -1 if all are connected
	cut     bool
}

// A modelMember is what one big server would know of a client.
type modelMember struct {
	node   int
	name   string
	groups []string
	want   []string // that it must be sent since the last look
	may    []string // that it may be sent
}

func (m *clusterModel) run(steps int) {
	m.split = -1
	for range steps {
		switch m.random.IntN(12) {
		case 0:
			m.come()
		case 1:
			m.goAway()
		case 2, 3:
			m.move()
		case 4:
			if m.random.IntN(6) == 0 {
				m.partition()
			}
		case 5:
			m.look()
		default:
			m.send()
		}
	}
	m.mend()
	m.look()
	m.agree()
}

func (m *clusterModel) any() (c *clusterClient, of *modelMember) {
	all := slices.DeleteFunc(slices.Clone(m.clients), func(c *clusterClient) bool { return m.members[c] == nil })
	if len(all) == 0 {
		return nil, nil
	}
	c = all[m.random.IntN(len(all))]
	return c, m.members[c]
}

func (m *clusterModel) come() {
	node := m.random.IntN(3)
	if m.split >= 0 || len(m.members) > 12 { // without the relay it may get no name
		return
	}
	m.pass(20 * time.Millisecond) // so that it is not sent what was on its way
	m.names++
	name := "client" + strconv.Itoa(m.names)
	c := m.join(m.nodes[node], name)
	m.members[c] = &modelMember{node: node, name: name}
}

func (m *clusterModel) goAway() {
	if c, _ := m.any(); c != nil && m.split < 0 {
		m.look()
		delete(m.members, c)
		require.NoError(m.t, c.Close())
		m.pass(20 * time.Millisecond)
	}
}

func (m *clusterModel) move() {
	c, of := m.any()
	if c == nil || m.split >= 0 { // what waits in a node that is cut off would go to those who are in the group when it comes back
		return
	}
	m.pass(20 * time.Millisecond)
	conn, err := m.nodes[of.node].srv.Client(of.name)
	require.NoError(m.t, err)
	g := "g" + strconv.Itoa(m.random.IntN(3))
	if i := slices.Index(of.groups, g); i >= 0 {
		require.NoError(m.t, conn.Leave(m.t.Context(), g))
		of.groups = slices.Delete(of.groups, i, i+1)
	} else {
		require.NoError(m.t, conn.Join(m.t.Context(), g))
		of.groups = append(of.groups, g)
	}
	m.pass(20 * time.Millisecond) // until the others send there
}

// partition cuts a node off, or splits the broker, or mends either.
func (m *clusterModel) partition() {
	if m.split >= 0 {
		m.mend()
		return
	}
	m.look()
	m.split, m.cut = m.random.IntN(3), m.random.IntN(2) == 0
	if m.cut {
		m.nodes[m.split].way.Cut()
	} else {
		m.broker.Split(m.nodes[m.split].way)
	}
	m.pass(time.Duration(m.random.IntN(10)) * time.Second)
}

func (m *clusterModel) mend() {
	if m.split >= 0 {
		m.nodes[m.split].way.Mend()
		m.split = -1
		m.pass(10 * time.Second) // the bound until all is right again: four beats, and the lease
		m.look()
		m.agree()
	}
}

// send sends to some, from any node.
func (m *clusterModel) send() {
	from := m.random.IntN(3)
	srv := m.nodes[from].srv
	m.sent++
	text := strconv.Itoa(m.sent)
	g := "g" + strconv.Itoa(m.random.IntN(3))
	_, one := m.any()
	var to core.Sender
	var is func(of *modelMember) bool
	switch k := m.random.IntN(4); {
	case k == 0:
		to, is = srv.All(), func(*modelMember) bool { return true }
	case k == 1 && one != nil:
		to, is = srv.Named(one.name), func(of *modelMember) bool { return of == one }
	default:
		to, is = srv.Group(g), func(of *modelMember) bool { return slices.Contains(of.groups, g) }
	}
	if err := to.SendBytes("n", []byte(text)); err != nil {
		require.Equal(m.t, core.CodeUnknownClient, core.CodeOf(err))
		require.GreaterOrEqual(m.t, m.split, 0, "it knows of no other node")
		return
	}
	for _, of := range m.members {
		switch {
		case !is(of):
		case of.node == from || m.split < 0 || m.split != from && m.split != of.node:
			of.want = append(of.want, "n "+text)
		default:
			of.may = append(of.may, "n "+text)
		}
	}
}

// look checks what has come.
func (m *clusterModel) look() {
	m.pass(100 * time.Millisecond)
	for c, of := range m.members {
		got := c.take()
		seen := map[string]bool{}
		var must []string
		for _, text := range got {
			require.False(m.t, seen[text], "%s twice", text)
			seen[text] = true
			if i := slices.Index(of.may, text); i >= 0 {
				of.may = slices.Delete(of.may, i, i+1)
				continue
			}
			must = append(must, text)
		}
		slices.SortFunc(must, byNumber) // of several nodes: the order holds for each of them
		require.Equal(m.t, of.want, must, "%s at node %d", of.name, of.node)
		of.want = nil
	}
}

func byNumber(a, b string) int {
	x, _ := strconv.Atoi(a[2:])
	y, _ := strconv.Atoi(b[2:])
	return x - y
}

// agree checks that each node knows who is there.
func (m *clusterModel) agree() {
	for _, n := range m.nodes {
		cl := n.srv.Cluster()
		count, err := cl.Len(within(time.Second))
		require.NoError(m.t, err)
		require.Equal(m.t, len(m.members), count)
		for _, g := range []string{"g0", "g1", "g2"} {
			var want, got []string
			for _, of := range m.members {
				if slices.Contains(of.groups, g) {
					want = append(want, of.name)
				}
			}
			members, err := cl.Members(within(time.Second), g)
			require.NoError(m.t, err)
			for _, r := range members {
				got = append(got, r.Name)
			}
			require.ElementsMatch(m.t, want, got)
		}
	}
}
