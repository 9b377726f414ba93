package measure

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hisock/hisock/core/natsrelay/simulation/model"
)

// A Measurer measures costs.
type Measurer struct {
	Command []string  // starts a process that calls Serve
	Effort  float64   // how much is done, 1 for figures that can be used
	Rounds  int       // how often all processes are started; the least cost counts
	Tries   int       // how often a cost is measured in a round
	Log     io.Writer // what is being done

	Save func(model.Costs) // is given what has been measured so far; may be nil

	least map[string]float64 // terms, by name
}

// Costs measures all costs that are measured here. If before is not nil, it has earlier ones, and the least of all rounds counts.
func (m *Measurer) Costs(before *model.Costs) (c model.Costs, err error) {
	if before != nil {
		c = *before
	}
	if m.least = c.Terms; m.least == nil {
		m.least = map[string]float64{}
	}
	steps := []struct {
		what string
		do   func(*scene)
	}{
		{"clients", m.clients}, {"comers", m.comers}, {"relay", m.relay}, {"route", m.route}, {"notices", m.notices},
		{"subscriptions", m.subscriptions}, {"claims", m.claims},
	}
	for range m.Rounds {
		rand.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] }) // a run may be cut short
		for _, step := range steps {
			s := &scene{command: m.Command, tries: m.Tries}
			begun := time.Now()
			step.do(s)
			if err := s.end(); err != nil {
				return c, fmt.Errorf("%s: %w", step.what, err)
			}
			fmt.Fprintf(m.Log, "%s: %.0f s\n", step.what, time.Since(begun).Seconds())
			c.Terms = m.least
			m.derive(&c)
			if m.Save != nil {
				m.Save(c)
			}
		}
		c.Rounds++
	}
	m.term("socket", m.sockets())
	m.derive(&c)
	return c, nil
}

// term notes what was measured, if it is the least so far, and reports that.
func (m *Measurer) term(name string, v float64) bool {
	if was, ok := m.least[name]; math.IsNaN(v) || math.IsInf(v, 0) || ok && was <= v {
		return false
	}
	m.least[name] = v
	return true
}

const (
	sinks  = 8       // plain connections to NATS that take what is sent, beside a node
	longer = 8 << 10 // bytes that a long message has more
)

// n returns a number of things to do, at least least.
func (m *Measurer) n(n, least int) int { return max(int(float64(n)*m.Effort), least) }

// per returns the processor time of each of n things.
func per(u Usage, n int) float64 { return float64(u.CPU) / float64(n) }

func names(n int) []string { return make([]string, n) }

// clients measures a node without a relay and its clients.
func (m *Measurer) clients(s *scene) {
	node, load := s.part(), s.part()
	addr := call[string](node, "Node", NodeSpec{})
	n := m.n(200, 20)
	before := node.usage(true)
	call[bool](load, "Clients", ClientsSpec{Addr: addr, Names: names(n), Groups: [][]string{{"one"}}})
	send := func(what string, burst, times int, every time.Duration) {
		u := s.during(func() {
			call[time.Duration](node, "Send", Sending{Size: 128, Burst: burst, Times: times, Every: every})
			load.heard(n * burst * times)
		}, node)[0]
		all := n * burst * times
		writes := float64(u.Writes) / float64(all)
		if u.Writes == 0 { // the system does not count them
			writes = 1 / float64(burst)
		}
		if burst == 1 && writes < 0.9 { // somebody has held the node up, so that messages have come together
			return
		}
		if m.term("deliver "+what, per(u, all)) {
			m.least["writes "+what] = writes
		}
	}
	send("one", 1, m.n(60, 10), 5*time.Millisecond)
	send("many", 64, m.n(25, 4), 10*time.Millisecond)
	m.term("active", float64(node.usage(true).Heap-before.Heap)/float64(n))
	rounds := m.n(20, 5)
	u := s.during(func() {
		call[bool](load, "Say", Say{Command: "nothing", Payloads: [][]byte{make([]byte, 64)}, Times: rounds, Every: 20 * time.Millisecond})
	}, node)[0]
	m.term("read", per(u, n*rounds))
	alone := m.n(200, 10)
	u = s.during(func() {
		call[time.Duration](node, "Send", Sending{Group: "one", Size: 128, Burst: 1, Times: alone, Every: 2 * time.Millisecond})
		load.heard(alone)
	}, node)[0]
	m.term("alone deliver", per(u, alone))
	busy := n * m.n(10, 2)
	m.each("busy deliver", busy, node, func() { // to one client after the other, as messages of small groups go
		call[bool](node, "Scatter", Scatter{Size: 128, Times: busy, Every: 200 * time.Microsecond})
	}, func() { load.heard(busy) })
	call[bool](load, "Clients", ClientsSpec{Addr: addr, Names: names(m.n(800, 80))})
	took := call[time.Duration](node, "Send", Sending{Size: 128, Burst: 1, Times: m.n(30, 10), Every: 10 * time.Millisecond})
	m.term("queue", float64(took)/float64(n+m.n(800, 80)))
}

// each measures things that are done one after the other: the processor time of each, and how often they were done. The median of the tries counts, since here it is
// no disturbance if a thing has to wake somebody.
func (m *Measurer) each(what string, n int, p *part, do, done func()) {
	type try struct{ cost, every float64 }
	var tries []try
	for range p.s.tries {
		var took time.Duration
		u := p.s.once(func() {
			begun := time.Now()
			do()
			took = time.Since(begun)
			done()
		}, p)[0]
		tries = append(tries, try{per(u, n), float64(took) / float64(n)})
	}
	slices.SortFunc(tries, func(a, b try) int { return cmp.Compare(a.cost, b.cost) })
	m.least[what], m.least[what+", every"] = tries[len(tries)/2].cost, tries[len(tries)/2].every
}

// comers measures clients that come and go.
func (m *Measurer) comers(s *scene) {
	node, load := s.part(), s.part()
	addr := call[string](node, "Node", NodeSpec{})
	n := m.n(300, 50)
	u := s.during(func() {
		call[bool](load, "Clients", ClientsSpec{Addr: addr, Names: names(n)})
		call[bool](load, "Leave", true)
	}, node)[0]
	m.term("join", per(u, n))
}

// pair starts a nats-server and two nodes that know each other.
func pair(s *scene, notices bool) (broker, a, b *part, url, addr string) {
	broker, a, b = s.part(), s.part(), s.part()
	if urls := call[[]string](broker, "Brokers", 1); len(urls) > 0 {
		url = urls[0]
	}
	a.node, b.node = true, true
	call[string](a, "Node", NodeSpec{URL: url, ID: "a", Notices: notices})
	addr = call[string](b, "Node", NodeSpec{URL: url, ID: "b", Notices: notices})
	call[bool](b, "Met", 1)
	call[bool](a, "Met", 1)
	return broker, a, b, url, addr
}

// relay measures what is relayed and what comes, and questions.
func (m *Measurer) relay(s *scene) {
	broker, a, b, url, _ := pair(s, false)
	const burst = 64
	bursts, alone, busy := m.n(80, 10), m.n(100, 10), m.n(600, 20)
	send := func(group string, size, burst, times int, every time.Duration) []Usage {
		return s.during(func() {
			call[time.Duration](a, "Send", Sending{Group: group, Size: size, Burst: burst, Times: times, Every: every})
			if group == "" {
				b.relayed(burst * times)
			}
		}, broker, a, b)
	}
	u := send("nobody", 128, burst, bursts, 2*time.Millisecond)
	m.term("in", per(u[0], burst*bursts))
	m.term("publish", per(u[1], burst*bursts))
	u = send("", 128, burst, bursts, 2*time.Millisecond)
	m.term("take", per(u[2], burst*bursts))
	u = send("nobody", 128, 1, alone, 4*time.Millisecond)
	m.term("alone in", per(u[0], alone))
	m.term("alone publish", per(u[1], alone))
	u = send("", 128, 1, alone, 4*time.Millisecond)
	m.term("alone take", per(u[2], alone))
	sink := s.part()
	call[bool](sink, "Sinks", Sinks{URL: url, Subject: "hisock.all", N: sinks})
	m.term("in, 9 out", per(send("", 128, burst, bursts, 2*time.Millisecond)[0], burst*bursts))
	m.term("alone in, 9 out", per(send("", 128, 1, alone, 4*time.Millisecond)[0], alone))
	m.each("busy in, 9 out", busy, broker, func() {
		call[time.Duration](a, "Send", Sending{Size: 128, Burst: 1, Times: busy, Every: 500 * time.Microsecond})
	}, func() { b.relayed(busy); sink.heard(sinks * busy) })
	few := max(bursts/4, 1)
	m.term("in, 9 out, long", per(send("", 128+longer, burst, few, 2*time.Millisecond)[0], burst*few))

	asked := m.n(200, 20)
	u = s.during(func() { call[bool](a, "Count", asked) }, a, b)
	m.term("ask", per(u[0], asked))
	m.term("answer", per(u[1], asked))
}

// route measures what goes from one nats-server to another.
func (m *Measurer) route(s *scene) {
	brokers, a, far := s.part(), s.part(), s.part()
	urls := call[[]string](brokers, "Brokers", 2)
	if len(urls) < 2 {
		return
	}
	const burst = 64
	bursts := m.n(80, 10)
	// A plain connection sends, since a server that is alone relays nothing.
	for out := range 3 {
		u := s.during(func() {
			call[bool](a, "Plain", Plain{URL: urls[0], Subject: "hisock.all", Size: 190, Burst: burst, Times: bursts, Every: 2 * time.Millisecond})
			far.heard(out * burst * bursts)
		}, brokers)[0]
		m.term("route, "+strconv.Itoa(out)+" out", per(u, burst*bursts))
		call[bool](far, "Sinks", Sinks{URL: urls[1], Subject: "hisock.all", N: 1})
	}
}

// notices measures what a node does about clients of other nodes.
func (m *Measurer) notices(s *scene) {
	_, _, b, url, addr := pair(s, true)
	feint, load := s.part(), s.part()
	changes := m.n(2000, 100)
	tell := func(what string) {
		u := s.during(func() { call[bool](feint, "Feint", Feint{URL: url, Changes: changes}); b.relayed(changes) }, b)[0]
		m.term(what, per(u, changes))
	}
	tell("notice")
	before := b.usage(true)
	number := call[uint64](b, "Self", true)
	n, lists := m.n(20_000, 1000), m.n(3, 1)
	parts := n * EntryBytes() / listPart // at least
	s.once(func() {
		call[bool](feint, "Feint", Feint{URL: url, Clients: n, Lists: 1, Node: number})
		b.relayed(parts)
	}, b)
	m.term("remote", float64(b.usage(true).Heap-before.Heap)/float64(n))
	u := s.during(func() {
		call[bool](feint, "Feint", Feint{URL: url, Clients: n, Lists: lists, Node: number})
		b.relayed(lists * parts)
	}, b)[0]
	m.term("entry", per(u, n*lists))
	u = s.during(func() { call[bool](feint, "Encode", Feint{Clients: n, Lists: lists}) }, feint)[0]
	m.term("encode", per(u, n*lists))

	here := m.n(500, 20)
	call[bool](load, "Clients", ClientsSpec{Addr: addr, Names: names(here), Hears: true})
	tell("notice to some")
	m.least["some"] = float64(here)
}

// subscriptions measures subscriptions at a node, at its nats-server and at another one.
func (m *Measurer) subscriptions(s *scene) {
	n := m.n(50_000, 2000)
	grown := func(servers int) (node, brokers, cpu float64) {
		broker, a := s.part(), s.part()
		urls := call[[]string](broker, "Brokers", servers)
		if len(urls) == 0 {
			return
		}
		call[bool](a, "Bare", BareSpec{URL: urls[0], Replicas: 1})
		was, wasA := broker.usage(true), a.usage(true)
		u := s.once(func() { call[bool](a, "Subscribe", n) }, broker)[0]
		return float64(a.usage(true).Heap-wasA.Heap) / float64(n), float64(broker.usage(true).Heap-was.Heap) / float64(n), per(u, n)
	}
	node, one, cpu := grown(1)
	_, two, _ := grown(2)
	m.term("topic", node)
	m.term("sub", one)
	m.term("sub and route", two)
	m.term("subscribe", 2*cpu) // it ends as well
}

// claims measures claims in a bucket with three replicas.
func (m *Measurer) claims(s *scene) {
	broker, a := s.part(), s.part()
	urls := call[[]string](broker, "Brokers", 3)
	if len(urls) == 0 {
		return
	}
	call[bool](a, "Bare", BareSpec{URL: urls[0], Replicas: 3})
	n := m.n(2000, 100)
	do := func(what string) {
		from := 0
		u := s.during(func() {
			took := call[time.Duration](a, "Claim", Claiming{What: what, N: n, Beside: 64, From: from})
			m.term("bucket "+what+", each", float64(took)/float64(n))
			from += n
		}, a, broker)
		m.term(what, per(u[0], n))
		m.term("bucket "+what, per(u[1], n))
	}
	before := broker.usage(true)
	do("claim")
	m.term("claim memory", float64(broker.usage(true).Heap-before.Heap)/float64(3*m.Tries*n))
	for range s.tries {
		read, took := 0, time.Duration(0)
		u := s.once(func() {
			begun := time.Now()
			read = call[int](a, "Sweep", urls[0])
			took = time.Since(begun)
		}, a, broker)
		if read > 0 {
			m.term("sweep", per(u[0], read))
			m.term("bucket sweep", per(u[1], read))
			m.term("bucket sweep, each", float64(took)/float64(read))
		}
	}
	do("lookup")
	alone := m.n(200, 50)
	for range s.tries {
		took := call[time.Duration](a, "Claim", Claiming{What: "lookup", N: alone, Beside: 1})
		m.term("lookup alone", float64(took)/float64(alone))
	}
	do("release")
}

// sockets returns the memory of the system for a socket, in bytes, or +Inf if the system does not tell.
func (m *Measurer) sockets() float64 {
	before, ok := slab()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil || !ok {
		return math.Inf(1)
	}
	defer l.Close()
	n := m.n(4000, 50)
	var open []net.Conn
	defer func() {
		for _, c := range open {
			c.Close()
		}
	}()
	for range n {
		a, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return math.Inf(1)
		}
		open = append(open, a)
		b, err := l.Accept()
		if err != nil {
			return math.Inf(1)
		}
		open = append(open, b)
	}
	after, _ := slab()
	return (after - before) / float64(2*n)
}

// slab returns the memory that the system itself uses for its objects, in bytes.
func slab() (bytes float64, ok bool) {
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) > 1 && f[0] == "Slab:" {
			kib, err := strconv.ParseFloat(f[1], 64)
			return kib * 1024, err == nil
		}
	}
	return 0, false
}
