package model

import "math"

// A Capacity is how much a cluster can carry.
type Capacity struct {
	More  float64 // how many times as much clients may send as the workload says; 0 if the cluster is full before they send anything
	Load  Load    // then
	First Resource
	For   Cause // what that resource is used for most of all
}

// Capacity finds out how much more clients may send until a resource is full.
func (m *Model) Capacity(l Layout) Capacity {
	low, high := 0.0, 1.0
	none := m.At(l, 0)
	if !none.Holds() {
		r, _, of := none.First()
		return Capacity{Load: none, First: r, For: of}
	}
	holds := func(more float64) bool {
		load := m.At(l, more)
		return load.Holds()
	}
	for holds(high) && high < 1e9 {
		low, high = high, high*4
	}
	for range 40 {
		if mid := (low + high) / 2; holds(mid) {
			low = mid
		} else {
			high = mid
		}
	}
	c := Capacity{More: low, Load: m.At(l, low)}
	c.First, _, c.For = c.Load.First()
	return c
}

// A Remedy changes a layout.
type Remedy struct {
	Name   string
	Change func(*Layout)
}

// Remedies are what docs/scaling.md tries.
func Remedies() []Remedy {
	return []Remedy{
		{"a plain cluster", func(*Layout) {}},
		{"9 nats-servers", func(l *Layout) { l.Servers = 9 }},
		{"a super-cluster of 3 × 3 nats-servers", func(l *Layout) { l.Regions = 3 }},
		{"a leaf server for each 10 nodes", func(l *Layout) { l.Leaf = 10 }},
		{"rooms at one node (0.9 of the members)", func(l *Layout) { l.Sticky = 0.9 }},
		{"a beat of 5 s", func(l *Layout) { l.Beat = 5 }},
		{"no notices", func(l *Layout) { l.Quiet = true }},
		{"3 clusters of their own", func(l *Layout) { l.Cells = math.Min(3, l.Nodes) }},
		{"10 clusters of their own", func(l *Layout) { l.Cells = math.Min(10, l.Nodes) }},
		{"10 clusters of their own, no notices", func(l *Layout) { l.Cells, l.Quiet = math.Min(10, l.Nodes), true }},
	}
}

// A step is something that can be done when a cluster has become too small. Each includes what it says and nothing else.
type step struct {
	name   string
	change func(*Layout)
}

// steps are tried one after the other.
var steps = []step{
	{"", func(*Layout) {}},
	{"9 nats-servers", func(l *Layout) { l.Servers = 9 }},
	{"rooms at one node", func(l *Layout) { l.Sticky = 0.9 }},
	{"rooms at one node, 9 nats-servers", func(l *Layout) { l.Sticky, l.Servers = 0.9, 9 }},
	{"no notices", func(l *Layout) { l.Quiet = true }},
	{"3 clusters of their own", func(l *Layout) { l.Cells = 3 }},
	{"10 clusters of their own", func(l *Layout) { l.Cells = 10 }},
	{"10 clusters of their own, 9 nats-servers each", func(l *Layout) { l.Cells, l.Servers = 10, 9 }},
	{"10 clusters of their own, no notices", func(l *Layout) { l.Cells, l.Quiet = 10, true }},
	{"30 clusters of their own", func(l *Layout) { l.Cells = 30 }},
	{"30 clusters of their own, no notices", func(l *Layout) { l.Cells, l.Quiet = 30, true }},
	{"100 clusters of their own", func(l *Layout) { l.Cells = 100 }},
	{"100 clusters of their own, no notices", func(l *Layout) { l.Cells, l.Quiet = 100, true }},
}

// Smallest returns the smallest cluster of at most 2,000 nodes that carries the workload: with as little else as possible, and then with as few nodes.
func (m *Model) Smallest(clients float64) (l Layout, what string, ok bool) {
	for _, s := range steps {
		for _, n := range []float64{1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000} {
			l = NewLayout(n, clients)
			s.change(&l)
			if l.Cells > n {
				continue
			}
			if load := m.At(l, 1); load.Holds() {
				return l, s.name, true
			}
		}
	}
	return Layout{}, "", false
}
