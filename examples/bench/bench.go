package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/hisock/hisock/examples/bench/load"
)

type options struct {
	rounds  int
	seconds float64
	only    string
	out     string
	quick   bool
	profile string
}

func runBench(args []string) error {
	var o options
	f := flag.NewFlagSet("bench", flag.ExitOnError)
	f.IntVar(&o.rounds, "rounds", 5, "how often everything is measured")
	f.Float64Var(&o.seconds, "seconds", 1.2, "how long each piece of work is measured")
	f.StringVar(&o.only, "only", "", "names of works and contestants, separated by commas; the floor always takes part")
	f.StringVar(&o.out, "out", "", "where to write the page and plots; empty means ../../docs for a run of everything, else nowhere")
	f.BoolVar(&o.quick, "quick", false, "one short round, to see that all works; its figures mean little")
	f.StringVar(&o.profile, "profile", "", "write profiles of the servers to this directory")
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.quick {
		o.rounds, o.seconds = 1, 0.3
	}
	works, who, err := choose(o.only)
	if err != nil {
		return err
	}
	if err := load.RaiseFileLimit(); err != nil {
		return err
	}
	measure := time.Duration(o.seconds * float64(time.Second))
	r := &runner{
		rounds: o.rounds, warm: measure / 4, measure: measure, settle: measure / 2,
		profile: o.profile, log: os.Stderr,
	}
	results := r.run(works, who)
	for _, w := range results {
		for _, row := range w.Rows {
			if row.Failure != "" {
				err = errors.Join(err, fmt.Errorf("%s: %s: %s", w.Name, row.Contestant, row.Failure))
			}
		}
	}
	return err
}

// choose returns the works and contestants that are named, or all where none is named.
func choose(only string) ([]work, []contestant, error) {
	allWorks, all := works(fullScale), contestants
	if only == "" {
		return allWorks, all, nil
	}
	var chosen []work
	var who []contestant
	for name := range strings.SplitSeq(only, ",") {
		w := slices.IndexFunc(allWorks, func(w work) bool { return w.Name == name })
		c := slices.IndexFunc(all, func(c contestant) bool { return c.name == name })
		switch {
		case w >= 0:
			chosen = append(chosen, allWorks[w])
		case c >= 0:
			who = append(who, all[c])
		default:
			return nil, nil, fmt.Errorf("there is neither work nor contestant %q", name)
		}
	}
	if chosen == nil {
		chosen = allWorks
	}
	if who == nil {
		who = all
	} else if who[0].name != all[0].name {
		who = append([]contestant{all[0]}, who...)
	}
	return chosen, who, nil
}
