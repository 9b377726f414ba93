package model

import "math"

// What core and natsrelay do, as constants that they have.
const (
	watchBeats   = 30    // beats after which a node asks the others who their clients are
	listPart     = 8192  // bytes of a message with a part of that list
	renewals     = 5.0   // seconds between two renewals of a lease
	heartbeat    = 15.0  // seconds
	sweepRest    = 300.0 // seconds after a sweep in which no node begins another one
	sweepEvery   = 600.0 // seconds after which a node would sweep, if no other one has
	helloSize    = 30.0  // bytes of a beat
	questionSize = 70.0
)

// Bytes around a message.
const (
	relayHead  = 45.0 // hisock's head of a relayed message, with names
	natsHead   = 60.0 // NATS' line with the subject
	clientHead = 16.0 // hisock's frame, with the command
	packetHead = 66.0 // Ethernet, IP and TCP; for each write to a client
)

// Gather is the time in which messages for one client share a write when the node is busy, in seconds: docs/performance.md has 0.115 writes for each
// delivery at 1,830 deliveries a second to each client, which are 4.2 ms, and 0.022 at 5,830, which are 7.6 ms.
const Gather = 0.004

// A Model computes loads. It is used by one goroutine at a time.
type Model struct {
	Costs    Costs
	Workload Workload

	groups map[float64][]Bucket // of the workload, by clients: finding them takes longer than all the rest
}

// buckets returns the groups of that many clients.
func (m *Model) buckets(clients float64) []Bucket {
	b, ok := m.groups[clients]
	if !ok {
		if m.groups == nil {
			m.groups = map[float64][]Bucket{}
		}
		b = m.Workload.Buckets(clients)
		m.groups[clients] = b
	}
	return b
}

// A sum adds up a load.
type sum struct {
	*Load
	c          *Costs
	l          Layout
	n          float64 // nodes of a cell
	here       float64 // clients of a node
	servers    float64 // nats-servers of a cell
	leaves     float64 // leaf servers of a cell
	deliveries [Causes]float64
	sends      [Causes]float64
	size       float64
	said       float64 // commands of clients, a second
	flows      []flow
}

// At returns the load if clients send more times as many messages, direct messages and questions as the workload says.
func (m *Model) At(l Layout, more float64) Load {
	w := m.Workload
	cell := l
	cell.Nodes, cell.Clients = l.Nodes/l.Cells, l.Clients/l.Cells
	s := &sum{
		Load: &Load{}, c: &m.Costs, l: cell, n: cell.Nodes, here: cell.Clients / cell.Nodes,
		servers: l.Servers * l.Regions, size: w.Size,
	}
	if l.Leaf > 0 {
		s.leaves = math.Max(cell.Nodes/l.Leaf, 1)
	}
	all := cell.Clients
	buckets := m.buckets(all)
	for _, b := range buckets {
		rate := b.Groups * w.Said(b.Members) * more
		others := (b.Members - 1) * (1 - s.sticky(b.Members))
		nodes := Somewhere(s.n, others+1)
		s.deliver(Delivering, rate*b.Members, rate*nodes)
		s.queue(rate * others * (s.n - 1) / s.n)
		s.flow(Relaying, rate, s.n, nodes-1, w.Size)
	}
	if w.Ticker > 0 {
		s.deliver(Delivering, w.Ticker*more*all, w.Ticker*more*s.n)
		s.queue(w.Ticker * more * all * (s.n - 1) / s.n)
		s.flow(Relaying, w.Ticker*more, 1, s.n-1, w.Size)
	}
	if w.Direct > 0 {
		far := (s.n - 1) / s.n
		s.deliver(Delivering, w.Direct*more*all, w.Direct*more*all)
		s.queue(w.Direct * more * all * far)
		s.flow(Relaying, w.Direct*more*all*far, s.n, 1, w.Size)
	}
	s.said = (w.Say + w.Direct) * more * all
	s.node(NodeCPU, Delivering, s.said/s.n*s.c.Read)
	s.come(w, buckets)
	s.look(w, more)
	if s.n > 1 {
		s.flow(Beating, s.n/l.Beat, s.n, s.n-1, helloSize)
		s.Beats = s.n * (s.n - 1) / l.Beat
		s.claims(Beating, s.n/renewals, s.c.BucketClaim, s.c.ClaimRate)
	}
	s.notice(w)
	s.carry()
	s.remember(w, buckets)
	s.finish()
	for _, v := range []*float64{&s.Load.Deliveries, &s.Published, &s.Relayed, &s.Beats} {
		*v *= l.Cells
	}
	return *s.Load
}

// sticky returns the part of the members of a group that are at one node on purpose.
func (s *sum) sticky(members float64) float64 {
	if members > s.here/10 {
		return 0
	}
	return s.l.Sticky
}

// node adds processor time a second, in nanoseconds, at each node.
func (s *sum) node(r Resource, of Cause, ns float64) {
	if r == NodeCPU {
		ns /= s.l.Node.Cores
	}
	s.Used[r][of] += ns / 1e9
}

// deliver adds deliveries a second to clients of the cell, and in how many sends at one node or another they are.
func (s *sum) deliver(of Cause, rate, sends float64) {
	s.deliveries[of] += rate
	s.sends[of] += sends
}

// queue adds deliveries a second whose messages came over the relay: one goroutine of a node lays them into the queues of its clients.
func (s *sum) queue(rate float64) { s.node(NodeReceive, Delivering, rate/s.n*s.c.Queue) }

// A flow is messages that from nodes of a cell publish and that receivers of the others get.
type flow struct {
	of                    Cause
	rate, from, receivers float64
	size                  float64
	asked                 bool // what nodes pay is counted elsewhere
}

// flow adds messages.
func (s *sum) flow(of Cause, rate, from, receivers, size float64) {
	s.add(flow{of: of, rate: rate, from: from, receivers: receivers, size: size})
}

// pass adds messages for which nodes are not charged.
func (s *sum) pass(of Cause, rate, from, receivers, size float64) {
	s.add(flow{of: of, rate: rate, from: from, receivers: receivers, size: size, asked: true})
}

func (s *sum) add(f flow) {
	if s.n <= 1 || f.rate == 0 {
		return
	}
	s.flows = append(s.flows, f)
	s.Published += f.rate
	s.Relayed += f.rate * f.receivers
}

// share returns what a thing costs of which so many come a second: alone by itself, and together among others.
func share(alone, together, rate, gather float64) float64 {
	return together + math.Max(alone-together, 0)/(1+rate*gather)
}

// carry adds what all flows cost. The more messages go over a connection, the more of them share what it costs to wake somebody.
func (s *sum) carry() {
	c := s.c
	up, down := s.Published/s.n, s.Relayed/s.n // of the connection of a node
	publish, take := share(c.AlonePublish, c.Publish, up, c.Gather), share(c.AloneTake, c.Take, down, c.Gather)
	in, out := share(c.AloneIn, c.In, up, c.Gather), share(c.AloneOut, c.Out, down, c.Gather)
	for _, f := range s.flows {
		if !f.asked {
			s.node(NodeCPU, f.of, f.rate*(publish+f.receivers*take)/s.n)
			s.node(NodePublish, f.of, f.rate*c.Publish/f.from)
			s.node(NodeReceive, f.of, f.rate*f.receivers*c.Take/s.n)
		}
		s.broker(f, in, out)
	}
}

// broker adds what NATS and the network have to do for a flow, if a message that comes or goes costs that much.
func (s *sum) broker(f flow, in, out float64) {
	bits := (f.size + relayHead + natsHead) * 8
	beyond := math.Max(f.size-128, 0) * s.c.Byte
	s.Used[NodeNet][f.of] += math.Max(f.rate/f.from, f.rate*f.receivers/s.n) * bits / s.l.Node.Bits
	in, out = in+beyond, out+beyond
	from, up, down := f.from, 1.0, f.receivers
	if s.leaves > 0 {
		far := math.Max(Somewhere(s.leaves, f.receivers+1)-1, 0) // other leaf servers that want it
		up, down = math.Min(far, 1), far
		s.Used[LeafCPU][f.of] += f.rate * (in + f.receivers*out + up*out + far*in) / s.leaves / 1e9 / s.l.Server.Cores
		s.Used[LeafNet][f.of] += f.rate * math.Max(1+far, f.receivers+up) / s.leaves * bits / s.l.Server.Bits
		from = math.Min(from, s.leaves)
	}
	k := s.servers
	hops := 0.0
	if k > 1 && down > 0 {
		hops = Somewhere(k, down+1) - 1
	}
	link := s.c.Route + 2*beyond
	s.Used[NATSCPU][f.of] += f.rate * (up*in + hops*link + down*out) / k / 1e9 / s.l.Server.Cores
	s.Used[NATSNet][f.of] += f.rate * math.Max(up+hops, down+hops) / k * bits / s.l.Server.Bits
	// One goroutine of a nats-server reads the connection of a node, and lays what comes into the queues of others.
	reader := f.rate / from * (up*(s.c.In+beyond) + down/(hops+1)*(s.c.Out+beyond) + hops*link/2)
	if k > 1 { // or a route, which all messages of an account share
		reader = math.Max(reader, f.rate*hops/k/(k-1)*(link/2+down/(hops+1)*(s.c.Out+beyond)))
	}
	s.Used[NATSReader][f.of] += reader / 1e9
}

// claims adds operations a second with the bucket of claims, of which it takes most a second, and which take its three servers together that much time.
func (s *sum) claims(of Cause, rate, ns, most float64) {
	s.Used[Claims][of] += rate / most
	s.Used[NATSCPU][of] += rate * ns / math.Min(3, s.servers) / 1e9 / s.l.Server.Cores
}

// come adds clients that come and go.
func (s *sum) come(w Workload, buckets []Bucket) {
	rate := s.l.Clients / w.Stay
	s.node(NodeCPU, Coming, rate/s.n*s.c.Join)
	if s.n <= 1 {
		return
	}
	subs := 0.0
	if w.Named {
		subs = rate
	}
	for _, b := range buckets { // those that are the first of their group at a node
		others := (b.Members - 1) * (1 - s.sticky(b.Members))
		subs += b.Groups * b.Members / w.Stay * math.Pow(1-1/s.n, others)
	}
	s.Used[NATSCPU][Coming] += subs * s.c.Subscribe / 1e9 / s.l.Server.Cores // each nats-server hears of each
	s.Used[LeafCPU][Coming] += subs * s.c.Subscribe / 1e9 / s.l.Server.Cores
	if w.Unique {
		s.node(NodeCPU, Coming, rate/s.n*(s.c.Claim+s.c.Release))
		s.claims(Coming, rate, s.c.BucketClaim, s.c.ClaimRate)
		s.claims(Coming, rate, s.c.BucketRelease, s.c.ReleaseRate)
		sweeps := math.Min(s.n/sweepEvery, 1/sweepRest) // in each a node reads all claims of the cluster, and looks each lease up
		s.node(NodeCPU, Sweeping, sweeps*s.l.Clients*s.c.Sweep)
		s.claims(Sweeping, sweeps*s.l.Clients, s.c.BucketSweep, s.c.SweepRate)
		s.claims(Sweeping, sweeps*s.n, s.c.BucketLookup/2, 2*s.c.LookupRate)
	}
}

// look adds look-ups of clients by name, and questions to all nodes.
func (s *sum) look(w Workload, more float64) {
	if s.n <= 1 {
		return
	}
	if find := w.Find * more * s.l.Clients * (s.n - 1) / s.n; find > 0 {
		s.node(NodeCPU, Looking, find/s.n*(s.c.Lookup+s.c.Ask+s.c.Answer))
		s.claims(Looking, find, s.c.BucketLookup, s.c.LookupRate)
		s.pass(Looking, 2*find, s.n, 1, questionSize)
	}
	if ask := w.Ask * more * s.l.Clients; ask > 0 {
		others := s.n - 1
		s.node(NodeCPU, Looking, ask/s.n*(s.c.Ask+(others-1)*s.c.Take+others*s.c.Answer))
		s.node(NodeReceive, Looking, ask/s.n*2*others*s.c.Take)
		s.node(NodePublish, Looking, ask/s.n*others*s.c.Publish)
		s.pass(Looking, ask, s.n, others, questionSize)
		s.pass(Looking, ask*others, s.n, 1, questionSize)
	}
}

// notice adds what nodes say of their clients, and what clients are told.
func (s *sum) notice(w Workload) {
	if !w.Notices || s.l.Quiet {
		return
	}
	changes := 2 * s.l.Clients / w.Stay
	s.deliver(Noticing, changes*w.Told, changes*Somewhere(s.n, w.Told))
	s.node(NodeCPU, Noticing, changes*s.here*s.c.Pass)
	if s.n <= 1 {
		return
	}
	s.node(NodeReceive, Noticing, changes*s.here*s.c.Pass)
	s.flow(Noticing, changes, s.n, s.n-1, s.c.EntrySize)
	s.node(NodeCPU, Noticing, changes*math.Max(s.c.Change-s.c.Take, 0))
	lists := s.n * (s.n - 1) / (watchBeats * s.l.Beat) // each node asks each other one
	bytes := s.here * s.c.EntrySize
	parts := math.Ceil(bytes / listPart)
	s.flow(Noticing, s.n/(watchBeats*s.l.Beat), s.n, s.n-1, helloSize)
	s.flow(Noticing, lists*parts, s.n, 1, bytes/parts)
	s.node(NodeCPU, Noticing, lists/s.n*s.here*(s.c.Entry+s.c.Encode))
	s.node(NodeReceive, Noticing, lists/s.n*s.here*(s.c.Entry+s.c.Encode))
}

// remember adds memory.
func (s *sum) remember(w Workload, buckets []Bucket) {
	subs, far, gates, leaf := 0.0, 0.0, 0.0, 0.0 // subscriptions of nodes, and subjects that other nats-servers, regions and leaf servers want, of each nats-server
	k, regions := s.l.Servers, s.l.Regions
	add := func(groups, members float64) {
		nodes := Somewhere(s.n, (members-1)*(1-s.sticky(members))+1)
		subs += groups * nodes
		here := nodes / regions
		far += groups * math.Min(1, here) * (k - 1) / k * Somewhere(k, math.Max(here, 1))
		gates += groups * (regions - 1) / regions * Somewhere(regions, nodes)
		leaf += groups
	}
	for _, b := range buckets {
		add(b.Groups, b.Members)
	}
	if w.Named {
		add(s.l.Clients, 1)
	}
	node := s.here * (math.Max(s.c.Active, s.c.Idle) + s.c.Socket)
	s.Used[NodeMemory][Delivering] = node / s.l.Node.Memory
	if s.n > 1 {
		topics := subs / s.n * s.c.Topic
		s.Used[NodeMemory][Relaying] = topics / s.l.Node.Memory
		node += topics
		s.NATSMemory = subs/s.servers*s.c.Sub + (far+gates)*s.c.RouteSub
		s.Used[NATSMemory][Relaying] = s.NATSMemory / s.l.Server.Memory
		if w.Unique {
			claims := s.l.Clients * s.c.ClaimMemory
			s.NATSMemory += claims
			s.Used[NATSMemory][Coming] = claims / s.l.Server.Memory
		}
		if s.leaves > 0 {
			s.Used[LeafMemory][Relaying] = (subs/s.leaves*s.c.Sub + leaf*s.c.RouteSub) / s.l.Server.Memory
		}
	}
	if w.Notices && !s.l.Quiet {
		remote := s.l.Clients * (s.n - 1) / s.n * s.c.Remote
		s.Used[NodeMemory][Noticing] = remote / s.l.Node.Memory
		node += remote
	}
	s.NodeMemory = node
}

// finish adds what deliveries to clients cost. The more a client is sent, the more of it shares a write.
func (s *sum) finish() {
	all := 0.0
	for _, d := range s.deliveries {
		all += d
	}
	s.Load.Deliveries = all
	// A client is asked whether it is there when it has said nothing for 15 s. It acknowledges what it is sent.
	silent := math.Exp(-heartbeat * (all + s.said) / s.l.Clients)
	s.node(NodeCPU, Coming, s.here/heartbeat*silent*(s.c.Write+s.c.Read+s.c.Wake))
	writes := 1 / (1 + all/s.l.Clients*Gather)
	sends := 0.0
	for _, v := range s.sends {
		sends += v
	}
	// A send wakes somebody, the less often the more sends there are.
	wake := math.Max(s.c.AloneDeliver-s.c.Deliver-s.c.Write, 0) / (1 + sends/s.n*s.c.GatherHere)
	for of, d := range s.deliveries {
		s.node(NodeCPU, Cause(of), (d*(s.c.Deliver+writes*s.c.Write)+s.sends[of]*wake)/s.n)
		s.Used[NodeNet][of] += d / s.n * (s.size + clientHead + writes*packetHead) * 8 / s.l.Node.Bits
	}
}
