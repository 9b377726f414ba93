package measure

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/natsrelay/simulation/model"
)

// A trial is a small real cluster with a workload, which the model computes too.
type trial struct {
	name     string
	nodes    int
	clients  int
	workload model.Workload
}

// trials use rates at which two processors keep up with all of it.
func trials() []trial {
	rooms := model.Workload{PerClient: 3, Mean: 15, Exponent: 0, Largest: 15, MostSay: 1e9, Size: 200}
	say := func(rate float64) model.Workload {
		w := rooms
		w.Say = rate
		return w
	}
	return []trial{
		{"rooms of 15, 2 nodes, 300 clients that say 1/s", 2, 300, say(1)},
		{"rooms of 15, 4 nodes, 300 clients that say 5/s", 4, 300, say(5)},
		{"rooms of 15, 3 nodes, 300 clients that say 20/s", 3, 300, say(20)},
		{"100 messages/s to 600 clients of 3 nodes", 3, 600, model.Workload{Ticker: 100, Size: 100}},
		{"4 nodes, 200 clients that send 40/s to others by name", 4, 200, model.Workload{Direct: 40, Size: 200, Named: true}},
	}
}

// Check runs small real clusters, and returns what they do beside what the model says.
func (m *Measurer) Check(c model.Costs) (all []model.Check, err error) {
	for _, t := range trials() {
		t.clients = m.n(t.clients, 30)
		s := &scene{command: m.Command}
		checks := t.run(s, c, time.Duration(5*m.Effort*float64(time.Second)))
		if err := s.end(); err != nil {
			return nil, fmt.Errorf("%s: %w", t.name, err)
		}
		all = append(all, checks...)
		fmt.Fprintln(m.Log, t.name)
	}
	return all, nil
}

// run runs a trial.
func (t *trial) run(s *scene, c model.Costs, d time.Duration) []model.Check {
	broker := s.part()
	url := ""
	if urls := call[[]string](broker, "Brokers", 1); len(urls) > 0 {
		url = urls[0]
	}
	var nodes, loads []*part
	var addrs []string
	for i := range t.nodes {
		nodes, loads = append(nodes, s.part()), append(loads, s.part())
		addrs = append(addrs, call[string](nodes[i], "Node", NodeSpec{URL: url, ID: strconv.Itoa(i)}))
	}
	for _, n := range nodes {
		call[bool](n, "Met", t.nodes-1)
	}
	w := t.workload
	home := make([]ClientsSpec, t.nodes) // a client is at any node
	says := make([][][]byte, t.nodes)    // what its clients say, in turn
	groups := t.groups()
	for i := range t.clients {
		at := i % t.nodes
		name := ""
		if w.Named {
			name = "c" + strconv.Itoa(i)
		}
		home[at].Names = append(home[at].Names, name)
		home[at].Groups = append(home[at].Groups, groups[i])
	}
	rounds := int(d.Seconds() * (w.Say + w.Direct))
	for at := range home {
		home[at].Addr = addrs[at]
		for range max(rounds, 1) {
			for _, own := range home[at].Groups {
				to := "=c" + strconv.Itoa(rand.IntN(t.clients))
				if !w.Named && len(own) > 0 {
					to = own[rand.IntN(len(own))]
				}
				says[at] = append(says[at], append([]byte(to+"\x00"), make([]byte, int(w.Size)-len(to)-1)...))
			}
		}
		call[bool](loads[at], "Clients", home[at])
	}
	time.Sleep(300 * time.Millisecond) // subscriptions are on their way

	parts := append(append([]*part{broker}, nodes...), loads...)
	sum := func() (u []Usage, r core.RelayStats) {
		for _, p := range parts {
			u = append(u, p.usage(false))
		}
		for _, n := range nodes {
			one := call[core.RelayStats](n, "Relayed", true)
			r.Sent, r.Received = r.Sent+one.Sent, r.Received+one.Received
		}
		return u, r
	}
	before, sent := sum()
	begun := time.Now()
	if w.Ticker > 0 {
		every := time.Duration(float64(time.Second) / w.Ticker)
		call[time.Duration](nodes[0], "Send", Sending{Size: int(w.Size), Burst: 1, Times: int(d / every), Every: every})
	} else {
		var all sync.WaitGroup
		for at, p := range loads {
			all.Go(func() {
				call[bool](p, "Say", Say{Command: "to", Payloads: says[at], Times: rounds, Every: time.Duration(float64(time.Second) / (w.Say + w.Direct))})
			})
		}
		all.Wait()
	}
	took := time.Since(begun).Seconds()
	last, same := int64(-1), 0
	s.await(func() bool { // until nothing more comes for a quarter of a second: a process that does not get a processor seems to be at rest
		got := int64(0)
		for _, p := range loads {
			got += p.usage(false).Got
		}
		if same++; got != last {
			last, same = got, 0
		}
		return same >= 25
	})
	settle(parts)
	after, sent2 := sum()
	if s.err != nil {
		return nil
	}
	var nodeCPU, brokerCPU time.Duration
	var got int64
	for i := range parts {
		switch {
		case i == 0:
			brokerCPU = after[i].CPU - before[i].CPU
		case i <= t.nodes:
			nodeCPU += after[i].CPU - before[i].CPU
		default:
			got += after[i].Got - before[i].Got
		}
	}

	w.Stay = 1e15 // nobody comes or goes
	l := model.NewLayout(float64(t.nodes), float64(t.clients))
	l.Servers = 1
	mo := model.Model{Costs: c, Workload: w}
	load := mo.At(l, 1)
	cpu := func(r model.Resource, machines, cores float64) (ms float64) {
		for _, of := range []model.Cause{model.Delivering, model.Relaying, model.Beating} {
			ms += load.Used[r][of] * machines * cores * 1000
		}
		return ms
	}
	ms := func(d time.Duration) float64 { return d.Seconds() * 1000 / took }
	return []model.Check{
		{Cluster: t.name, What: "deliveries", Measured: float64(got) / took, Computed: load.Deliveries},
		{Cluster: t.name, What: "messages to NATS", Measured: float64(sent2.Sent-sent.Sent) / took, Computed: load.Published},
		{Cluster: t.name, What: "messages from NATS", Measured: float64(sent2.Received-sent.Received) / took, Computed: load.Relayed},
		{Cluster: t.name, What: "processor time of all nodes", Unit: "ms", Measured: ms(nodeCPU), Computed: cpu(model.NodeCPU, l.Nodes, l.Node.Cores)},
		{Cluster: t.name, What: "processor time of NATS", Unit: "ms", Measured: ms(brokerCPU), Computed: cpu(model.NATSCPU, 1, l.Server.Cores)},
	}
}

// groups returns the groups of each client. All groups have as many members, drawn at random.
func (t *trial) groups() [][]string {
	w := t.workload
	all := make([][]string, t.clients)
	if w.PerClient == 0 {
		return all
	}
	slots := rand.Perm(t.clients * int(w.PerClient))
	for i, slot := range slots {
		all[slot%t.clients] = append(all[slot%t.clients], "room "+strconv.Itoa(i/int(w.Mean)))
	}
	return all
}
