package e2e

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
)

// A traveller is a client that goes from node to node, and writes down what it is given.
type traveller struct {
	*core.Client
	t    testing.TB
	addr atomic.Pointer[string]
	mu   sync.Mutex
	got  []message
	gaps []string
}

// Dial connects to the node where the traveller is.
func (v *traveller) Dial(ctx context.Context) (transport.Conn, error) {
	return tcp.Dialer(*v.addr.Load(), nil).Dial(ctx)
}

func newTraveller(t testing.TB, name string) *traveller {
	t.Helper()
	v := &traveller{t: t}
	var err error
	v.Client, err = core.NewClient(v, &core.ClientOptions{Name: name, Groups: []string{group}, Logger: core.Silent, Retry: core.Retry{Off: true}})
	require.NoError(t, err)
	v.OnBytes(tick, func(_ context.Context, _ *core.Conn, payload []byte) error {
		m, err := parseMessage(payload)
		if err != nil {
			return err
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		m.at = time.Time{}
		v.got = append(v.got, m)
		return nil
	})
	v.OnReplay(func(_ *core.Conn, r core.Replay) {
		if r.Lost || r.Missed > 0 {
			v.mu.Lock()
			defer v.mu.Unlock()
			v.gaps = append(v.gaps, fmt.Sprintf("behind %d messages: %+v", len(v.got), r))
		}
	})
	t.Cleanup(func() { v.Close() }) //nolint:errcheck // it may be over
	return v
}

// to connects the traveller to a node.
func (v *traveller) to(n *Node) {
	v.t.Helper()
	if c := v.Conn(); c != nil {
		c.Close()
		<-c.Done()
	}
	v.addr.Store(&n.Addrs.TCP)
	Until(v.t, v.Name()+" comes to "+n.ID, func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return v.Connect(ctx) == nil
	})
}

// all returns what the traveller was given.
func (v *traveller) all() []message {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.got)
}

// Nodes send to a group while servers of NATS and nodes are killed, at last all of them. Each client that goes on at another node has been given each
// message that the store has, once, and all of them in one order.
func TestHistoryOutlivesEveryProcess(t *testing.T) {
	t.Parallel()
	brokers := StartBrokers(t, 3)
	var nodes []*Node
	start := func() *Node {
		n := StartNode(t, NodeConfig{
			ID: "n" + strconv.Itoa(len(nodes)), Servers: brokers.URLs(len(nodes)), Replicas: 3, Lease: shortLease, Beat: shortBeat, Keeps: 20_000,
		})
		nodes = append(nodes, n)
		return n
	}
	for range 3 {
		start()
	}
	travellers := []*traveller{newTraveller(t, "ada"), newTraveller(t, "bob"), newTraveller(t, "cy")}
	for i, v := range travellers {
		v.to(nodes[i])
	}
	for _, n := range nodes {
		n.Begin(Pace{Round: 1, Every: every})
	}
	moves := func(until int) {
		t.Helper()
		Until(t, "messages go on", func() bool {
			return !slices.ContainsFunc(travellers, func(v *traveller) bool { return len(v.all()) < until })
		})
	}
	moves(100)

	// A server of NATS is killed, and comes back, while a client goes to another node.
	brokers.Kill(1)
	travellers[1].to(nodes[2])
	moves(300)
	brokers.Start(1)
	travellers[1].to(nodes[0])

	// A node is killed while it sends; its client goes on elsewhere.
	nodes[0].Kill()
	travellers[0].to(nodes[1])
	travellers[1].to(nodes[2])
	moves(500)

	// All processes are killed.
	for _, n := range nodes {
		n.Kill()
	}
	for i := range 3 {
		brokers.Kill(i)
	}
	for i := range 3 {
		brokers.Start(i)
	}
	brokers.Wait()
	for i := range 3 {
		start()
		travellers[2-i].to(nodes[3+i])
	}
	before := make([]int, 3)
	for i, n := range nodes[3:] {
		n.Begin(Pace{Round: 2, Every: every})
		before[i] = len(travellers[2-i].all())
	}
	moves(slices.Max(before) + 100)
	var sent [3]uint64
	for i, n := range nodes[3:] {
		sent[i] = n.End()
	}

	// What the store has is what a newcomer is given.
	newcomer := newTraveller(t, "newcomer")
	newcomer.to(nodes[4])
	complete := func(got []message) bool {
		for i, n := range nodes[3:] {
			if !slices.Contains(got, message{from: n.ID, round: 2, number: sent[i]}) {
				return false
			}
		}
		return true
	}
	Until(t, "the newcomer has everything", func() bool { return complete(newcomer.all()) })
	want := newcomer.all()
	for _, v := range travellers {
		Until(t, v.Name()+" has everything", func() bool { return len(v.all()) >= len(want) })
		require.Equal(t, want, v.all(), v.Name())
		require.Empty(t, v.gaps, v.Name())
	}
	require.Empty(t, newcomer.gaps)
	last := make(map[string]uint64)
	for _, m := range want {
		require.Equal(t, last[m.from]+1, m.number, "the messages of %s are there from the first to the last one that reached the store, in order", m.from)
		last[m.from]++
	}
	t.Logf("%d messages; each of 3 clients was given each of them once, at up to 4 nodes", len(want))
}
