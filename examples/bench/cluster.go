package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hisock/hisock/examples/bench/load"
	"github.com/hisock/hisock/examples/bench/report"
)

// A clusterWork is a work of which the publisher is at one server and the receivers are at another one.
type clusterWork struct {
	title string
	load.Fanout
}

// clusterWorks returns the works, with that many receivers of the broadcasts.
func clusterWorks(receivers int) []clusterWork {
	return []clusterWork{
		{"one receiver", load.Fanout{Groups: 1, Members: 1, Size: 128, Window: 4096}},
		{fmt.Sprintf("%d receivers of one group", receivers), load.Fanout{Groups: 1, Members: receivers, Size: 128, Window: 256}},
		{fmt.Sprintf("%d groups of one receiver", receivers), load.Fanout{Groups: receivers, Members: 1, Size: 128, Window: 4096}},
		{"one receiver, 1,000 messages a second", load.Fanout{Groups: 1, Members: 1, Size: 128, Window: 4096, Rate: 1000}},
	}
}

// A clusterContestant is a pair of servers over NATS. Without a server, publisher and receivers are connected to NATS itself.
type clusterContestant struct{ name, server, protocol string }

// clusterFloor is the contestant that ratios are to.
const clusterFloor = "by hand over NATS"

var clusterContestants = []clusterContestant{
	{"NATS itself", "", "nats"},
	{clusterFloor, "cluster/floor", "floor"},
	{"hisock/tcp", "cluster/hisock/tcp", "hisock/tcp"},
	{"hisock/ws", "cluster/hisock/ws", "hisock/ws"},
	{"centrifuge", "cluster/centrifuge", "centrifuge"},
}

// settleTime is how long servers have to hear of each other's receivers.
const settleTime = 500 * time.Millisecond

// runCluster measures messages between two servers, each a process of its own as NATS is, and writes tables to out.
func runCluster(args []string, out io.Writer) error {
	f := flag.NewFlagSet("bench cluster", flag.ExitOnError)
	rounds := f.Int("rounds", 5, "how often everything is measured")
	seconds := f.Float64("seconds", 1.2, "how long each piece of work is measured")
	only := f.String("only", "", "names of contestants, separated by commas; ratios are to the first one if "+clusterFloor+" is not among them")
	profile := f.String("profile", "", "write profiles of the servers to this directory")
	quick := f.Bool("quick", false, "one short round, to see that all works; its figures mean little")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *quick {
		*rounds, *seconds = 1, 0.3
	}
	who := slices.DeleteFunc(slices.Clone(clusterContestants), func(c clusterContestant) bool {
		return *only != "" && !slices.Contains(strings.Split(*only, ","), c.name)
	})
	if len(who) == 0 {
		return fmt.Errorf("there is no contestant %q", *only)
	}
	if err := load.RaiseFileLimit(); err != nil {
		return err
	}
	measure := time.Duration(*seconds * float64(time.Second))
	r := &runner{rounds: *rounds, warm: measure / 4, measure: measure, drain: 20 * time.Second, profile: *profile, log: os.Stderr}
	return r.runCluster(clusterWorks(100), who, out)
}

// runCluster does all works in rounds.
func (r *runner) runCluster(works []clusterWork, who []clusterContestant, out io.Writer) error {
	samples := make([][][]report.Sample, len(works)) // by work and contestant
	for i := range works {
		samples[i] = make([][]report.Sample, len(who))
	}
	for round := range r.rounds {
		for i, w := range works {
			for j, c := range who {
				s, err := r.betweenServers(w, c)
				if err != nil {
					return fmt.Errorf("%s: %s: %w", w.title, c.name, err)
				}
				samples[i][j] = append(samples[i][j], s)
				fmt.Fprintf(r.log, "%d/%d %-38s %-18s %10.0f/s %8.0f ns, p50 %.0f us, p99 %.0f us\n",
					round+1, r.rounds, w.title, c.name, s.Rate, s.CPU, s.P50/1e3, s.P99/1e3)
			}
		}
	}
	for i, w := range works {
		writeClusterTable(out, w, who, samples[i])
	}
	return nil
}

// betweenServers starts NATS and two servers, and does a work once.
func (r *runner) betweenServers(w clusterWork, c clusterContestant) (s report.Sample, err error) {
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return s, err
	}
	defer os.RemoveAll(dir)
	var all []*process
	defer func() {
		for _, p := range slices.Backward(all) {
			err = errors.Join(err, p.stop())
		}
	}()
	serve := func(name string) (*process, error) {
		command, err := contestant{name: name}.command(r.profile)
		if err != nil {
			return nil, err
		}
		p, err := start(command, false)
		if err == nil {
			all = append(all, p)
		}
		return p, err
	}
	broker, err := serve("cluster/broker@" + dir)
	if err != nil {
		return s, err
	}
	from, to := broker, broker
	if c.server != "" {
		if from, err = serve(c.server + "@" + broker.addr); err != nil {
			return s, err
		}
		if to, err = serve(c.server + "@" + broker.addr); err != nil {
			return s, err
		}
	}
	m := r.meter(broker)
	m.CPU = func() (sum time.Duration, err error) {
		for _, p := range all {
			used, err := p.cpu()
			if err != nil {
				return 0, err
			}
			sum += used
		}
		return sum, nil
	}
	w.From, w.Settle = from.addr, settleTime
	err = w.Run(load.Target{Addr: to.addr, Protocol: c.protocol}, m)
	return sampleOf(m.Result), err
}

// writeClusterTable writes the medians of a work. Ratios are medians of the ratios within a round.
func writeClusterTable(out io.Writer, w clusterWork, who []clusterContestant, samples [][]report.Sample) {
	base := max(0, slices.IndexFunc(who, func(c clusterContestant) bool { return c.name == clusterFloor }))
	fmt.Fprintf(out, "\n%s\n\n", w.title)
	if w.Rate > 0 {
		fmt.Fprintln(out, "| | half arrive within | 99 of 100 within | processor time |\n| --- | --- | --- | --- |")
	} else {
		fmt.Fprintln(out, "| | deliveries a second | ratio | processor time |\n| --- | --- | --- | --- |")
	}
	for j, c := range who {
		cpu := medianOf(samples[j], func(_ int, s report.Sample) float64 { return s.CPU })
		if w.Rate > 0 {
			fmt.Fprintf(out, "| %s | %.0f µs | %.0f µs | %.1f µs |\n", c.name,
				medianOf(samples[j], func(_ int, s report.Sample) float64 { return s.P50 / 1e3 }),
				medianOf(samples[j], func(_ int, s report.Sample) float64 { return s.P99 / 1e3 }), cpu/1e3)
			continue
		}
		fmt.Fprintf(out, "| %s | %.0f | %.2f | %.2f µs |\n", c.name,
			medianOf(samples[j], func(_ int, s report.Sample) float64 { return s.Rate }),
			medianOf(samples[j], func(i int, s report.Sample) float64 { return s.Rate / samples[base][i].Rate }), cpu/1e3)
	}
}

// medianOf returns the median of a figure of samples.
func medianOf(samples []report.Sample, of func(i int, s report.Sample) float64) float64 {
	var all []float64
	for i, s := range samples {
		all = append(all, of(i, s))
	}
	slices.Sort(all)
	return all[len(all)/2]
}
