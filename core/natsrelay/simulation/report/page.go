package report

import (
	"bytes"
	"fmt"
	"math"
	"strings"

	"github.com/hisock/hisock/core/natsrelay/simulation/model"
)

// The sizes that are computed.
var (
	sizesNodes   = []float64{1, 3, 10, 30, 100, 300, 1000}
	sizesClients = []float64{1e4, 1e5, 1e6, 1e7, 1e8}
)

// The colours of resources: one for each of what a reader tells apart.
var kindNames = []string{
	"nothing is full", "node CPU", "node network", "node memory", "goroutines of a node for the relay", "NATS CPU", "NATS network",
	"NATS memory", "connections of NATS", "claims",
}

func kind(r model.Resource) int {
	return map[model.Resource]int{
		model.NodeCPU: 1, model.NodeNet: 2, model.NodeMemory: 3, model.NodeReceive: 4, model.NodePublish: 4,
		model.NATSCPU: 5, model.NATSNet: 6, model.NATSMemory: 7, model.NATSReader: 8, model.Claims: 9,
		model.LeafCPU: 5, model.LeafNet: 6, model.LeafMemory: 7,
	}[r]
}

// A Page is what is generated: the blocks of docs/scaling.md, by name, and the plots, by file name.
type Page struct {
	Blocks map[string]string
	Plots  map[string][]byte
}

// Make computes everything.
func Make(c model.Costs, checks []model.Check) Page {
	p := Page{Blocks: map[string]string{}, Plots: map[string][]byte{}}
	p.Blocks["costs"] = costs(c)
	p.Blocks["checks"] = checked(checks)
	var loads, sizes, cures strings.Builder
	for i, w := range model.Workloads() {
		m := model.Model{Costs: c, Workload: w}
		p.Plots["capacity-"+w.Name+".svg"] = capacity(&m)
		fmt.Fprintf(&loads, "\n### %s\n\n%s\n\n![%s](scaling/capacity-%s.svg)\n", w.Title, w.About, w.Title, w.Name)
		fmt.Fprintf(&loads, "\n%s", atRest(&m))
		if i > 0 {
			cures.WriteByte('\n')
		}
		cures.WriteString(remedies(&m))
		sizes.WriteString(smallest(&m))
		if w.Notices {
			w.Title, w.Notices = w.Title+", no notices", false
			sizes.WriteString(smallest(&model.Model{Costs: c, Workload: w}))
		}
	}
	p.Blocks["workloads"] = loads.String()
	p.Blocks["remedies"] = cures.String()
	p.Blocks["sizes"] = "| | clients | nodes | what else | first full | there is room for |\n| --- | ---: | ---: | --- | --- | ---: |\n" + sizes.String()
	p.Plots["traffic.svg"] = traffic(c)
	p.Plots["memory.svg"] = memories(c)
	p.Plots["growth.svg"] = growth(c)
	return p
}

func costs(c model.Costs) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Measured on %s on %s: the least of %d rounds.\n\n| | |\n| --- | ---: |\n", c.Date, c.Machine, c.Rounds)
	for _, f := range c.Facts() {
		fmt.Fprintf(&b, "| %s | %s |\n", f.Name, value(f))
	}
	return b.String()
}

func value(f model.Fact) string {
	switch v := *f.Value; {
	case f.Unit == "B" && v >= 2048:
		return fmt.Sprintf("%.1f KiB", v/1024)
	case f.Unit == "s":
		return fmt.Sprintf("%s µs", digits(v*1e6))
	case f.Unit == "/s":
		return amount(v) + "/s"
	case f.Unit == "ns" && v >= 10_000:
		return fmt.Sprintf("%.0f µs", v/1000)
	case f.Unit == "ns" && v >= 1000:
		return fmt.Sprintf("%.1f µs", v/1000)
	default:
		return fmt.Sprintf("%s %s", digits(v), f.Unit)
	}
}

// capacity plots what each size of a cluster can carry.
func capacity(m *model.Model) []byte {
	h := heat{
		title: m.Workload.Title + ": what a plain cluster can carry", unit: "deliveries a second until something is full, and how many times the workload that is",
		acrossName: "nodes, with three nats-servers", downName: "clients", kinds: kindNames,
	}
	for _, n := range sizesNodes {
		h.across = append(h.across, amount(n))
	}
	for _, clients := range sizesClients {
		h.down = append(h.down, amount(clients))
		var row []heatCell
		for _, n := range sizesNodes {
			c := m.Capacity(model.NewLayout(n, clients))
			cell := heatCell{kind: kind(c.First), text: amount(c.Load.Deliveries) + "/s", more: times(c.More)}
			if c.More == 0 {
				cell.text, cell.more = "–", "full at rest"
			}
			row = append(row, cell)
		}
		h.cells = append(h.cells, row)
	}
	return h.draw()
}

// atRest is the table of a workload at its own rates.
func atRest(m *model.Model) string {
	var b bytes.Buffer
	b.WriteString("| clients | nodes | deliveries/s | to NATS, messages/s | from NATS | memory of a node | of a nats-server | most used | for |\n")
	b.WriteString("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |\n")
	for _, s := range [][2]float64{{1e4, 3}, {1e5, 3}, {1e6, 30}, {1e7, 300}, {1e8, 1000}} {
		l := m.At(model.NewLayout(s[1], s[0]), 1)
		r, used, of := l.First()
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s: %s | %s |\n", amount(s[0]), amount(s[1]), amount(l.Deliveries), amount(l.Published),
			amount(l.Relayed), memory(l.NodeMemory), memory(l.NATSMemory), r, percent(used), of)
	}
	return b.String()
}

func percent(v float64) string {
	if v >= 10 {
		return times(v)
	}
	return fmt.Sprintf("%.0f %%", 100*v)
}

// remedyAt is the size of a cluster at which remedies are tried, by workload.
var remedyAt = map[string][2]float64{
	"chat": {300, 1e7}, "ticker": {1000, 1e6}, "presence": {100, 1e6}, "direct": {100, 1e6},
}

// remedies is the table of what helps.
func remedies(m *model.Model) string {
	var b strings.Builder
	at := remedyAt[m.Workload.Name]
	fmt.Fprintf(&b, "**%s**, %s nodes, %s clients:\n\n| with | carries, deliveries/s | of the workload | first full | for |\n| --- | ---: | ---: | --- | --- |\n",
		m.Workload.Title, amount(at[0]), amount(at[1]))
	var idle []string // what changes nothing
	plain := m.Capacity(model.NewLayout(at[0], at[1]))
	for i, r := range model.Remedies() {
		l := model.NewLayout(at[0], at[1])
		r.Change(&l)
		c := m.Capacity(l)
		if i > 0 && math.Abs(c.More-plain.More) <= 0.02*plain.More && c.First == plain.First && c.For == plain.For {
			idle = append(idle, r.Name)
			continue
		}
		carries, of := amount(c.Load.Deliveries), times(c.More)
		if c.More == 0 {
			carries, of = "–", "full at rest"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", r.Name, carries, of, c.First, c.For)
	}
	if len(idle) > 0 {
		fmt.Fprintf(&b, "\nThese change nothing here: %s.\n", strings.Join(idle, "; "))
	}
	return b.String()
}

// smallest is the part of a workload in the table of what to do: the smallest cluster that carries it.
func smallest(m *model.Model) string {
	var b strings.Builder
	for _, clients := range sizesClients {
		l, what, ok := m.Smallest(clients)
		if !ok {
			fmt.Fprintf(&b, "| %s | %s | – | none of the layouts that were tried | | |\n", m.Workload.Title, amount(clients))
			continue
		}
		c := m.Capacity(l)
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", m.Workload.Title, amount(clients), amount(l.Nodes), what, c.First, times(c.More))
	}
	return b.String()
}

// traffic plots what NATS gives to nodes, over the nodes.
func traffic(c model.Costs) []byte {
	g := graph{
		title: "What NATS gives to nodes, for 1 million clients", unit: "messages a second, of the workloads at their own rates", across: "nodes",
		low: 1, value: amount,
	}
	for _, w := range model.Workloads() {
		m := model.Model{Costs: c, Workload: w}
		l := line{name: w.Title}
		for _, n := range sizesNodes {
			l.x, l.y = append(l.x, n), append(l.y, m.At(model.NewLayout(n, 1e6), 1).Relayed)
		}
		g.lines = append(g.lines, l)
	}
	beats := line{name: "of these, beats"}
	m := model.Model{Costs: c, Workload: model.Workloads()[0]}
	for _, n := range sizesNodes {
		beats.x, beats.y = append(beats.x, n), append(beats.y, m.At(model.NewLayout(n, 1e6), 1).Beats)
	}
	g.lines = append(g.lines, beats)
	return g.draw()
}

// memories plots the memory of a node and of a nats-server.
func memories(c model.Costs) []byte {
	g := graph{title: "Memory, with 100 nodes", unit: "of one node, and of one of three nats-servers", across: "clients", low: 1e6, value: func(v float64) string { return amount(v) + "B" }}
	for _, w := range model.Workloads() {
		if w.Name == "ticker" {
			continue
		}
		m := model.Model{Costs: c, Workload: w}
		node, broker := line{name: w.Title + ": node"}, line{name: w.Title + ": NATS"}
		for _, clients := range sizesClients {
			l := m.At(model.NewLayout(100, clients), 1)
			node.x, node.y = append(node.x, clients), append(node.y, l.NodeMemory)
			broker.x, broker.y = append(broker.x, clients), append(broker.y, l.NATSMemory)
		}
		g.lines = append(g.lines, node, broker)
	}
	return g.draw()
}

// growth plots what grows with the number of nodes while clients do nothing but come and go.
func growth(c model.Costs) []byte {
	g := graph{
		title: "What grows with the nodes: presence, 10,000 clients at each node", unit: "parts of the resource that are used; 1 is all of it",
		across: "nodes", low: 1e-5, value: func(v float64) string { return digits(v) },
	}
	w := model.Workloads()[2]
	m := model.Model{Costs: c, Workload: w}
	for _, of := range []struct {
		name  string
		r     model.Resource
		cause model.Cause
	}{
		{"beats: NATS CPU", model.NATSCPU, model.Beating}, {"beats: a node's receiver", model.NodeReceive, model.Beating},
		{"notices: NATS CPU", model.NATSCPU, model.Noticing}, {"notices: a node's receiver", model.NodeReceive, model.Noticing},
		{"notices: a node's memory", model.NodeMemory, model.Noticing}, {"sweeps: claims", model.Claims, model.Sweeping},
	} {
		l := line{name: of.name}
		for _, n := range sizesNodes {
			load := m.At(model.NewLayout(n, n*1e4), 0)
			l.x, l.y = append(l.x, n), append(l.y, load.Used[of.r][of.cause])
		}
		g.lines = append(g.lines, l)
	}
	return g.draw()
}

func checked(checks []model.Check) string {
	var b strings.Builder
	b.WriteString("| cluster | | measured | computed | ratio |\n| --- | --- | ---: | ---: | ---: |\n")
	for _, c := range checks {
		ratio := math.NaN()
		if c.Measured > 0 {
			ratio = c.Computed / c.Measured
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %.2f |\n", c.Cluster, c.What, quantity(c, c.Measured), quantity(c, c.Computed), ratio)
	}
	return b.String()
}

func quantity(c model.Check, v float64) string {
	if c.Unit == "ms" {
		return fmt.Sprintf("%.0f ms/s", v)
	}
	return amount(v) + "/s"
}
