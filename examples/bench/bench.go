package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/hisock/hisock/examples/bench/load"
	"github.com/hisock/hisock/examples/bench/report"
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
	f.StringVar(&o.only, "only", "", "names of works and contestants, separated by commas, or \"streams\" for all works with streams; the floor always takes part")
	f.StringVar(&o.out, "out", "", "where to write the page and plots; empty means ../../docs for a run of everything or of all streams, else nowhere")
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
	if slices.ContainsFunc(takingPart(works, who), func(c contestant) bool { return c.script != "" }) {
		if err := installNode(nodeDir, os.Stderr); err != nil {
			return err
		}
	}
	measure := time.Duration(o.seconds * float64(time.Second))
	r := &runner{
		rounds: o.rounds, warm: measure / 4, measure: measure, settle: measure / 2,
		drain: 20 * time.Second, profile: o.profile, log: os.Stderr,
	}
	before, known := used()
	begin := time.Now()
	results := r.run(works, who)
	fmt.Fprintln(os.Stderr, "it took", time.Since(begin).Round(time.Second))
	facts, quiet := machine(), true
	if now, ok := used(); known && ok {
		var fact report.Fact
		fact, quiet = otherLoad(before, now)
		facts = append(facts, fact)
		fmt.Fprintln(os.Stderr, fact.Name+":", fact.Text)
	}
	if o.out == "" && !o.quick && (o.only == "" || o.only == streamPage) && o.profile == "" {
		if !quiet {
			return errors.Join(failures(results), errBusy)
		}
		o.out = filepath.Join("..", "..", "docs")
	}
	if o.out != "" {
		all := report.Results{
			Date: time.Now(), Command: strings.TrimSpace("go run . " + strings.Join(args, " ")),
			Rounds: o.rounds, Seconds: o.seconds, Machine: facts,
		}
		if err := writePages(o.out, all, works, results, who); err != nil {
			return err
		}
	}
	return failures(results)
}

// pages are the pages, by the name that works have for them.
var pages = map[string]report.Page{"": {}, streamPage: report.StreamPage}

// writePages writes each page of which there is a work.
func writePages(dir string, all report.Results, works []work, results []report.Work, who []contestant) error {
	for name, about := range pages {
		page := all
		page.Page = about
		var on []work
		for i, w := range works {
			if w.page == name {
				on, page.Works = append(on, w), append(page.Works, results[i])
			}
		}
		if len(on) == 0 {
			continue
		}
		page.Versions = versions(takingPart(on, who))
		if err := page.Write(dir); err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "written:", filepath.Join(dir, page.Name()))
	}
	return nil
}

// takingPart returns the contestants that do one of the works.
func takingPart(works []work, who []contestant) (some []contestant) {
	for _, c := range who {
		if slices.ContainsFunc(works, func(w work) bool { return w.takenBy(c) }) {
			some = append(some, c)
		}
	}
	return some
}

// mostBusy is the share of the processors that other programs may use if the figures are to be published. On some
// systems it includes the kernel's work for the loopback network.
const mostBusy = 0.15

// otherLoad returns a fact about the load of other programs, and whether it is small enough.
func otherLoad(before, now usage) (fact report.Fact, quiet bool) {
	share := busy(before, now, runtime.NumCPU())
	return report.Fact{Name: "other load", Text: fmt.Sprintf("%.0f%% of the processors' time", 100*share)}, share < mostBusy
}

var errBusy = errors.New("the machine was busy with other things: nothing is written, unless -out says where")

// failures returns the failures of all contestants as one error, or nil.
func failures(works []report.Work) (err error) {
	for _, w := range works {
		for _, row := range w.Rows {
			if row.Failure != "" {
				err = errors.Join(err, fmt.Errorf("%s: %s: %s", w.Name, row.Contestant, row.Failure))
			}
		}
	}
	return err
}

// choose returns the works and contestants that are named, or all if none is named.
func choose(only string) ([]work, []contestant, error) {
	allWorks, all := works(fullScale), contestants
	if only == "" {
		return allWorks, all, nil
	}
	var chosen []work
	var who []contestant
	for name := range strings.SplitSeq(only, ",") {
		if name == streamPage {
			chosen = append(chosen, streamWorks(fullScale)...)
			continue
		}
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
		return chosen, all, nil
	}
	floor := all[0]
	who = slices.DeleteFunc(who, func(c contestant) bool { return c.name == floor.name })
	return chosen, append([]contestant{floor}, who...), nil
}
