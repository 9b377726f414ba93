// Package report turns what was measured into a page with tables and plots.
package report

import (
	"cmp"
	"slices"
	"time"
)

// Floor is the contestant that the others are compared with.
const Floor = "floor"

// Results are those of one run of the benchmark.
type Results struct {
	Date    time.Time
	Command string
	Rounds  int
	Seconds float64 // for which each piece of work was measured

	Machine  []Fact // what it ran on
	Versions []Fact // of the contestants

	Works []Work
}

// A Fact is a name and what is to be said about it.
type Fact struct{ Name, Text string }

// A Kind says what is measured in a piece of work.
type Kind uint8

const (
	Throughput Kind = iota // messages a second, and the server's processor time for each
	Latency                // at a fixed rate
	Memory                 // for a connection
	Clients                // messages a second of clients, with their processor time and latencies
)

// A Work is one piece of work and what each contestant made of it.
type Work struct {
	Name  string // short, also of the plot's file
	Title string
	About string // what is done
	Kind  Kind

	// Against names another piece of work that each contestant is compared with its own figure of.
	Against string

	Rows []Row
}

// A Row is a contestant in one piece of work.
type Row struct {
	Contestant string
	Samples    []Sample // one for each round
	Failure    string   // why there are no figures
}

// A Sample is what was measured in one round.
type Sample struct {
	Rate float64 // messages received in a second
	CPU  float64 // processor time of the server, or the client that is measured, for a message, in nanoseconds

	Reads, Writes float64 // that the server asked its system for, for a message

	P50, P99 float64 // latency in nanoseconds

	Heap, Resident float64 // bytes for a connection: heap and stacks, and resident
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

// A Spread is a median and what it lies between.
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

// Values are the spread of one figure of a row.
func (r *Row) Values(figure func(Sample) float64) Spread {
	var values []float64
	for _, s := range r.Samples {
		values = append(values, figure(s))
	}
	return spread(values)
}

// Ratios are the spread of one figure of a row, each divided by that of other in the same round.
func (r *Row) Ratios(other *Row, figure func(Sample) float64) Spread {
	var values []float64
	for i, s := range r.Samples {
		if i < len(other.Samples) && figure(other.Samples[i]) > 0 {
			values = append(values, figure(s)/figure(other.Samples[i]))
		}
	}
	return spread(values)
}

func rate(s Sample) float64     { return s.Rate }
func cpuTime(s Sample) float64  { return s.CPU }
func p50(s Sample) float64      { return s.P50 }
func p99(s Sample) float64      { return s.P99 }
func heap(s Sample) float64     { return s.Heap }
func resident(s Sample) float64 { return s.Resident }

// ranked returns the rows with figures, the floor first and then the best by one of them.
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
