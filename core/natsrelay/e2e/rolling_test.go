package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Three nodes are restarted one after the other, while nodes send to a group and clients have their nodes send to it. All that is sent
// reaches all clients, once and in order, and no client joins anew.
func TestRollingRestart(t *testing.T) {
	c := StartCluster(t, 3, shortLease, shortBeat)
	c.begin()
	ctx, quiet := context.WithCancel(context.Background())
	defer quiet()
	var talking sync.WaitGroup
	said, errs := make([]uint64, len(c.witnesses)), make([]error, len(c.witnesses))
	for i, w := range c.witnesses {
		talking.Go(func() { said[i], errs[i] = w.talk(ctx) })
	}
	sent := make(map[string]uint64) // by the label of the sender
	began := time.Now()
	for i := range c.nodes {
		old := c.nodes[i]
		sent[old.label()] = old.End()
		c.nodes[i] = nil
		c.door.set(c.live())
		old.Stop()
		c.nodes[i] = StartNode(t, c.successor(i, old))
		c.door.set(c.live())
		Until(t, "the new process is a node", func() bool { s := c.nodes[i].State(); return s.Err == "" && len(s.Nodes) == len(c.nodes)-1 })
		c.nodes[i].Begin(Pace{Round: c.round, Every: every})
		c.await()
	}
	took := time.Since(began)
	quiet()
	talking.Wait()
	for i, w := range c.witnesses {
		require.NoError(t, errs[i])
		sent[w.name] = said[i]
	}
	for _, n := range c.live() {
		sent[n.label()] = n.End()
	}
	var all, late uint64
	var worst time.Duration
	for _, w := range c.witnesses {
		for from, number := range sent {
			Until(t, fmt.Sprintf("%s hears the end of %s", w.name, from), func() bool { return w.trail(from).last == number })
		}
		trails, faults := w.end()
		require.Empty(t, faults, w.name)
		require.Len(t, trails, len(sent))
		for from, number := range sent {
			tr := trails[from]
			if _, isWitness := c.homes[from]; isWitness || strings.HasSuffix(from, "+") { // the others began before
				require.Equal(t, uint64(1), tr.first, "%s hears %s from the beginning", w.name, from)
			}
			require.Equal(t, number-tr.first+1, tr.got, "messages of %s that %s has got", from, w.name)
			all, late, worst = all+tr.got, late+tr.late, max(worst, tr.worst)
		}
		require.Equal(t, 1, w.joined(), "%s keeps its session", w.name)
	}
	t.Logf("restarted 3 nodes in %v: %d deliveries, 0 lost, 0 twice, %d late, the latest after %v", took.Round(time.Millisecond), all, late, worst.Round(time.Millisecond))
}
