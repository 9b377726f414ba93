package main

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hisock/hisock/examples/bench/load"
	"github.com/hisock/hisock/examples/bench/report"
)

// A runner runs works in rounds. In each round every contestant does every work once, so that other work of the
// machine affects all of them.
type runner struct {
	rounds        int
	warm, measure time.Duration
	settle        time.Duration // wait before memory is measured
	drain         time.Duration // how long messages in flight at the end may take
	profile       string        // directory for profiles; empty for none
	log           io.Writer
}

func (r *runner) meter(p *process) *load.Meter {
	return &load.Meter{Warm: r.warm, Measure: r.measure, Drain: r.drain, CPU: p.cpu, Calls: p.calls}
}

// run returns the works with their rows. A contestant that has failed in a work does not do it again.
func (r *runner) run(works []work, who []contestant) []report.Work {
	results := make([]report.Work, len(works))
	for i, w := range works {
		results[i] = w.Work
		for _, c := range who {
			if w.takenBy(c) {
				results[i].Rows = append(results[i].Rows, report.Row{Contestant: c.name})
			}
		}
	}
	byName := make(map[string]contestant)
	for _, c := range who {
		byName[c.name] = c
	}
	for round := range r.rounds {
		for i, w := range works {
			for j := range results[i].Rows {
				row := &results[i].Rows[j]
				if row.Failure != "" || w.rounds > 0 && round >= w.rounds {
					continue
				}
				s, err := r.once(w, byName[row.Contestant])
				if err != nil {
					row.Failure = err.Error()
				} else {
					row.Samples = append(row.Samples, s)
				}
				r.tell(round, w, row)
			}
		}
	}
	return results
}

func (r *runner) tell(round int, w work, row *report.Row) {
	fmt.Fprintf(r.log, "%d/%d %-18s %-12s ", round+1, r.rounds, w.Name, row.Contestant)
	if row.Failure != "" {
		fmt.Fprintln(r.log, "FAILED:", row.Failure)
		return
	}
	s := row.Samples[len(row.Samples)-1]
	switch w.Kind {
	case report.Throughput:
		fmt.Fprintf(r.log, "%10.0f/s %8.0f ns, %.3f reads, %.3f writes\n", s.Rate, s.CPU, s.Reads, s.Writes)
	case report.Latency:
		fmt.Fprintf(r.log, "%10.0f/s %8.0f ns, p50 %.0f us, p99 %.0f us\n", s.Rate, s.CPU, s.P50/1e3, s.P99/1e3)
	case report.Clients:
		fmt.Fprintf(r.log, "%10.0f/s %8.0f ns of the client, p50 %.1f us, p99 %.1f us\n", s.Rate, s.CPU, s.P50/1e3, s.P99/1e3)
	case report.Streams:
		fmt.Fprintf(r.log, "%10.0f/s %8.0f ns of the server, %.0f ns of the client\n", s.Rate, s.CPU, s.ClientCPU)
	case report.Transfer:
		fmt.Fprintf(r.log, "%8.2f s, %.0f MB/s, %.1f MiB of the server, %.1f MiB of the client\n", s.Elapsed/1e9, s.Rate/1e6, s.ServerPeak/(1<<20), s.ClientPeak/(1<<20))
	case report.Memory:
		fmt.Fprintf(r.log, "%8.1f KiB, resident %.1f KiB\n", s.Heap/1024, s.Resident/1024)
	}
}

// once starts a server of the contestant and does the work once.
func (r *runner) once(w work, c contestant) (report.Sample, error) {
	target := load.Target{Protocol: c.protocol}
	if w.client {
		target.Protocol = c.client
		if c.to != "" {
			c = contestant{name: c.to}
		}
	} else if w.page == streamPage {
		target.Protocol = c.stream
	}
	command, err := c.command(r.profileOf(w))
	if err != nil {
		return report.Sample{}, err
	}
	if w.oneCPU {
		if _, err := exec.LookPath("taskset"); err != nil {
			return report.Sample{}, err
		}
	}
	p, err := start(command, w.oneCPU)
	if err != nil {
		return report.Sample{}, err
	}
	back := func() error { return nil }
	if w.shared {
		if back, err = pin(); err != nil {
			return report.Sample{}, errors.Join(err, p.stop())
		}
	}
	target.Addr = p.addr
	s, err := w.run(r, p, target)
	if backErr := back(); err == nil {
		err = backErr
	}
	if stopErr := p.stop(); err == nil && stopErr != nil {
		err = fmt.Errorf("the server ended: %w", stopErr)
	}
	return s, err
}

// profileOf returns the directory for the profiles of servers in a work, or "" for none.
func (r *runner) profileOf(w work) string {
	if r.profile == "" {
		return ""
	}
	return filepath.Join(r.profile, w.Name)
}
