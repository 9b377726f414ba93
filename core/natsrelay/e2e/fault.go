//go:build unix

package e2e

import (
	"context"
	"errors"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/tcp"
)

// A Fault is what may happen to a cluster of three nodes.
type Fault struct {
	Name string
	Long bool // it takes long, so that only the long test has it

	// Strike lets the fault happen, and ends it. It calls ended when the fault is over: from then on the time counts until all is right. It returns the
	// nodes that it has struck.
	Strike func(c *Cluster, ended func()) (struck []string)
}

// Faults returns all faults, in the order in which they happen to one cluster. The long test has more of each.
func Faults(long bool) []Fault {
	size := func(short, big int) int {
		if long {
			return big
		}
		return short
	}
	return []Fault{
		{Name: "a node is killed with -9", Strike: func(c *Cluster, ended func()) []string {
			c.killNode(2)
			ended()
			return []string{"n2"}
		}},
		{Name: "a node comes", Strike: func(c *Cluster, ended func()) []string {
			c.startNode(2)
			ended()
			return nil
		}},
		{Name: "one of three nats-servers is killed, the leader of JetStream", Strike: func(c *Cluster, ended func()) []string {
			at := c.brokers.Leader()
			c.brokers.Kill(at)
			ended()
			return []string{"n" + strconv.Itoa(at)} // its connection is to that one, unless it was cut off before
		}},
		{Name: "that nats-server comes back", Strike: func(c *Cluster, ended func()) []string {
			for i := range 3 {
				if _, ok := c.brokers.State(i); !ok {
					c.brokers.Start(i)
				}
			}
			ended()
			Until(c.t, "it has caught up", func() bool {
				for i := range 3 {
					if s, _ := c.brokers.State(i); !s.Current {
						return false
					}
				}
				return true
			})
			return nil
		}},
		{Name: "a node is cut off from NATS without a word", Strike: func(c *Cluster, ended func()) []string {
			for _, p := range c.paths[1] {
				p.Stop()
			}
			Until(c.t, "the node is told", func() bool { return c.nodes[1].State().Err != "" })
			for _, p := range c.paths[1] {
				p.Mend()
			}
			ended()
			return []string{"n1"}
		}},
		{Name: "a node stands still for 2 s", Strike: func(c *Cluster, ended func()) []string {
			c.nodes[0].Freeze()
			time.Sleep(2 * time.Second)
			c.nodes[0].Thaw()
			ended()
			return nil
		}},
		{Name: "a node stands still for longer than its lease", Long: true, Strike: func(c *Cluster, ended func()) []string {
			c.nodes[0].Freeze()
			time.Sleep(c.lease + c.lease/4)
			c.nodes[0].Thaw()
			ended()
			return []string{"n0"}
		}},
		{Name: "all nats-servers are killed, and start 3 s later", Long: true, Strike: func(c *Cluster, ended func()) []string {
			for i := range 3 {
				c.brokers.Kill(i)
			}
			time.Sleep(3 * time.Second)
			for i := range 3 {
				c.brokers.Start(i)
			}
			ended()
			return []string{"n0", "n1", "n2"}
		}},
		{Name: "two nodes have one id", Strike: func(c *Cluster, ended func()) []string {
			twin := c.config(0)
			twin.ID, twin.Label = "n0", "twin"
			n := StartNode(c.t, twin)
			ended()
			Until(c.t, "both say so", func() bool {
				const line = "hisock: two nodes have one id"
				return n.State().Faults[line] > 0 && c.nodes[0].State().Faults[line] > 0
			})
			n.Stop()
			return nil
		}},
		{Name: "messages that no node has sent: " + strconv.Itoa(size(2_000, 200_000)), Strike: func(c *Cluster, ended func()) []string {
			strangers(c, size(2_000, 200_000))
			ended()
			return nil
		}},
		{Name: "groups that come and go: " + strconv.Itoa(size(6_000, 1_000_000)), Strike: func(c *Cluster, ended func()) []string {
			each := size(6_000, 1_000_000) / 3
			var wait sync.WaitGroup
			errs := make([]error, 3)
			for i, n := range c.nodes {
				wait.Go(func() { errs[i] = n.Ask("churn", each, nil) })
			}
			wait.Wait()
			require.NoError(c.t, errors.Join(errs...))
			ended()
			return nil
		}},
		{Name: "names that two nodes want in the same instant: " + strconv.Itoa(size(30, 1_000)), Strike: func(c *Cluster, ended func()) []string {
			for i := range size(30, 1_000) {
				fight(c, "fought-"+strconv.Itoa(i))
			}
			ended()
			return nil
		}},
	}
}

// fight has two clients come with one name at two nodes at once: one of them gets it. Only if a node could not claim at all at that moment, because the
// machine was too busy to renew its lease, neither need get it.
func fight(c *Cluster, name string) {
	errs := make([]error, 2)
	var clients []*core.Client
	for i := range errs {
		cl, err := core.NewClient(tcp.Dialer(c.nodes[i].Addrs.TCP, nil), &core.ClientOptions{Name: name, Logger: core.Silent})
		require.NoError(c.t, err)
		clients = append(clients, cl)
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	begin := make(chan struct{})
	var wait sync.WaitGroup
	for i, cl := range clients {
		wait.Go(func() {
			<-begin
			errs[i] = cl.Connect(ctx)
		})
	}
	close(begin)
	wait.Wait()
	given, refused := 0, 0
	for i, err := range errs {
		switch core.CodeOf(err) {
		case core.CodeNone:
			given++
		case core.CodeNameTaken:
			refused++
		default:
			require.Equal(c.t, core.CodeUnavailable, core.CodeOf(err), "%v", err)
		}
		clients[i].Close() //nolint:errcheck // it is over
	}
	require.LessOrEqual(c.t, given, 1, "clients that were given %s", name)
	require.False(c.t, given == 0 && refused == 2, "nobody was given %s", name)
}

// strangers publishes n messages that no node has sent, on all topics: garbage, messages of nodes cut short, or of another version or
// kind, and huge ones. The nodes refuse all of them.
func strangers(c *Cluster, n int) {
	nc, err := nats.Connect(c.brokers.URL(0))
	require.NoError(c.t, err)
	defer nc.Close()
	real, err := nc.SubscribeSync("hisock.>")
	require.NoError(c.t, err)
	var seen []*nats.Msg
	topics := make(map[string]bool)
	for len(seen) < 200 {
		m, err := real.NextMsg(Patience)
		require.NoError(c.t, err)
		seen = append(seen, m)
		topics[m.Subject] = true
	}
	require.NoError(c.t, real.Unsubscribe())
	require.GreaterOrEqual(c.t, len(topics), 2, "topics of messages")
	huge := make([]byte, 1<<20)
	for i := range n {
		m := seen[rand.IntN(len(seen))]
		data := append([]byte(nil), m.Data...)
		switch i % 5 {
		case 0:
			data = make([]byte, rand.IntN(100))
			for k := range data {
				data[k] = byte(rand.Uint32())
			}
			if len(data) > 0 {
				data[0] = 0
			}
		case 1:
			data = data[:rand.IntN(min(len(data), 22))] // within the head
		case 2:
			data[0] += 1 + byte(rand.IntN(255)) // its version
		case 3:
			data[1] = 0xf0 // its kind
		case 4:
			data = nil
			if i%500 == 4 {
				data = huge
			}
		}
		require.NoError(c.t, nc.Publish(m.Subject, data))
		if i%500 == 499 {
			require.NoError(c.t, nc.FlushTimeout(Patience))
		}
	}
	require.NoError(c.t, nc.FlushTimeout(Patience))
	Until(c.t, "the nodes have refused them", func() bool {
		var refused uint64
		for _, n := range c.live() {
			refused += n.State().Stats.Refused
		}
		return refused >= uint64(n)
	})
}
