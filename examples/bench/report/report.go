// Package report makes a page with tables and plots from the results of the benchmark.
package report

import (
	"cmp"
	"slices"
	"time"
)

// Floor is the name of the contestant with which the others are compared.
const Floor = "floor"

// Results are the results of one run of the benchmark, for one page.
type Results struct {
	Page // zero for the main page

	Date    time.Time
	Command string
	Rounds  int
	Seconds float64 // how long each work was measured

	Machine  []Fact // facts about the machine
	Versions []Fact // versions of the contestants

	Works []Work
}

// A Fact is a name with a text about it.
type Fact struct{ Name, Text string }

// A Kind is the kind of a work's measurement.
type Kind uint8

const (
	Throughput Kind = iota // messages a second, and the server's processor time for each
	Latency                // latencies at a fixed rate
	Memory                 // memory for a connection
	Clients                // messages a second of clients, with their processor time and latencies
	Streams                // items a second of a stream, with the processor time of both ends
	Transfer               // time and memory of many bytes
)

// A Work is one work with the results of each contestant.
type Work struct {
	Name  string // short name, also of the plot's file
	Title string
	About string // description of the work
	Kind  Kind

	// Against is the name of another work. Each contestant's figure is compared with its own figure in that work.
	Against string

	Rows []Row
}

// A Row has the results of a contestant in one work.
type Row struct {
	Contestant string
	Samples    []Sample // one for each round
	Failure    string   // why there are no figures; empty if there are
}

// A Sample has the figures of one round.
type Sample struct {
	Rate float64 // messages received in a second
	CPU  float64 // processor time of the server, or the client that is measured, for a message, in nanoseconds

	ClientCPU float64 // processor time of the client for an item, in nanoseconds, if the server's is in CPU

	Reads, Writes float64 // read and write system calls of the server for a message

	P50, P99 float64 // latency in nanoseconds

	Heap, Resident float64 // bytes for a connection: heap and stacks, and resident

	Elapsed                float64 // time of a transfer in nanoseconds
	ServerPeak, ClientPeak float64 // bytes that were resident at most during a transfer, beyond what was resident before
}

func (r *Results) work(name string) *Work {
	for i := range r.Works {
		if r.Works[i].Name == name {
			return &r.Works[i]
		}
	}
	return nil
}

// Row returns the row of a contestant, or nil if it has no figures.
func (w *Work) Row(contestant string) *Row {
	for i := range w.Rows {
		if r := &w.Rows[i]; r.Contestant == contestant && r.Failure == "" && len(r.Samples) > 0 {
			return r
		}
	}
	return nil
}

// A Spread is a median with the smallest and the largest figure.
type Spread struct{ Median, Min, Max float64 }

func spread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	v := slices.Sorted(slices.Values(values))
	middle := len(v) / 2
	median := v[middle]
	if len(v)%2 == 0 {
		median = (v[middle-1] + median) / 2
	}
	return Spread{median, v[0], v[len(v)-1]}
}

// Values returns the spread of one figure of a row.
func (r *Row) Values(figure func(Sample) float64) Spread {
	var values []float64
	for _, s := range r.Samples {
		values = append(values, figure(s))
	}
	return spread(values)
}

// Ratios returns the spread of one figure of a row, divided by the figure of other in the same round.
func (r *Row) Ratios(other *Row, figure func(Sample) float64) Spread {
	var values []float64
	for i, s := range r.Samples {
		if i < len(other.Samples) && figure(other.Samples[i]) > 0 {
			values = append(values, figure(s)/figure(other.Samples[i]))
		}
	}
	return spread(values)
}

func rate(s Sample) float64       { return s.Rate }
func cpuTime(s Sample) float64    { return s.CPU }
func p50(s Sample) float64        { return s.P50 }
func p99(s Sample) float64        { return s.P99 }
func heap(s Sample) float64       { return s.Heap }
func resident(s Sample) float64   { return s.Resident }
func clientCPU(s Sample) float64  { return s.ClientCPU }
func elapsed(s Sample) float64    { return s.Elapsed }
func serverPeak(s Sample) float64 { return s.ServerPeak }
func clientPeak(s Sample) float64 { return s.ClientPeak }

// ranked returns the rows that have figures: the floor first, and then the others, the best in one figure first.
func (w *Work) ranked(figure func(Sample) float64, higherIsBetter bool) []*Row {
	var rows []*Row
	for i := range w.Rows {
		if r := &w.Rows[i]; r.Failure == "" && len(r.Samples) > 0 {
			rows = append(rows, r)
		}
	}
	slices.SortStableFunc(rows, func(a, b *Row) int {
		switch {
		case a.Contestant == Floor:
			return -1
		case b.Contestant == Floor:
			return 1
		case higherIsBetter:
			a, b = b, a
		}
		return cmp.Compare(a.Values(figure).Median, b.Values(figure).Median)
	})
	return rows
}
