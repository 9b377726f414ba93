package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hisock/hisock/examples/bench/chrome"
	"github.com/hisock/hisock/examples/bench/report"
)

type webOptions struct {
	rounds  int
	seconds float64
	only    string
	out     string
	quick   bool
}

// runWeb measures contestants in a browser.
func runWeb(args []string) (err error) {
	var o webOptions
	f := flag.NewFlagSet("web", flag.ExitOnError)
	f.IntVar(&o.rounds, "rounds", 5, "how often everything is measured")
	f.Float64Var(&o.seconds, "seconds", 0.7, "how long each rate is measured")
	f.StringVar(&o.only, "only", "", "folders of contestants' pages, separated by commas")
	f.StringVar(&o.out, "out", "", "where to write the page; empty means ../../docs for a run of everything, else nowhere")
	f.BoolVar(&o.quick, "quick", false, "one short round, to see that all works; its figures mean little")
	if err := f.Parse(args); err != nil {
		return err
	}
	scale := webScale{seconds: o.seconds, burst: 10_000, handlers: 10_000, uploads: 3}
	if o.quick {
		o.rounds, scale = 1, webScale{seconds: 0.05, burst: 1000, handlers: 1000, uploads: 1}
	}
	who, err := chooseWeb(o.only)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "hisock-bench-web-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	site, err := makeWebSite(dir)
	if err != nil {
		return err
	}
	begin := time.Now()
	page, quiet, err := measureWeb(who, dir, o.rounds, scale)
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "it took", time.Since(begin).Round(time.Second))
	for i, c := range who {
		for _, sample := range page.Contestants[i].Samples {
			sample["download"] = float64(site.Downloads[c.page])
		}
	}
	page.Command, page.Seconds = strings.TrimSpace("go run . web "+strings.Join(args, " ")), scale.seconds
	page.Files, page.Versions = report.WebFiles(site.Files), webVersions(who, site)
	whole := !o.quick && o.only == ""
	if o.out == "" && whole && quiet {
		o.out = filepath.Join("..", "..", "docs")
	}
	if o.out == "" {
		fmt.Printf("%s\n", page.Markdown())
		if whole {
			return errors.Join(webFailures(page), errBusy)
		}
		return webFailures(page)
	}
	fmt.Fprintln(os.Stderr, "writing benchmarks-web.md into", o.out)
	return errors.Join(page.Write(o.out), webFailures(page))
}

// measureWeb measures contestants with the pages in dir, in rounds. In each round every contestant is measured once. A contestant that has
// failed is not measured again.
func measureWeb(who []webContestant, dir string, rounds int, scale webScale) (page *report.WebPage, quiet bool, err error) {
	pages, err := servePages(dir)
	if err != nil {
		return nil, false, err
	}
	defer pages.Close()
	browser, err := chrome.Start()
	if err != nil {
		return nil, false, err
	}
	defer func() { err = errors.Join(err, browser.Close()) }()
	version, err := browser.Version(context.Background())
	if err != nil {
		return nil, false, err
	}
	r := &webRunner{browser: browser, pages: pages.Addr().String(), scale: scale}
	page = &report.WebPage{Date: time.Now(), Rounds: rounds}
	for _, c := range who {
		page.Contestants = append(page.Contestants, report.WebContestant{Name: c.name})
	}
	before, known := usedWithFamily()
	for round := range rounds {
		empty, err := r.empty()
		if err != nil {
			return nil, false, err
		}
		for i, c := range who {
			column := &page.Contestants[i]
			if column.Failure != "" {
				continue
			}
			begin := time.Now()
			f, err := r.once(c, round, empty)
			if err != nil {
				column.Failure = err.Error()
			} else {
				column.Samples = append(column.Samples, f)
			}
			fmt.Fprintf(os.Stderr, "round %d, %s: %v, %s\n", round+1, c.name, time.Since(begin).Round(100*time.Millisecond), tellWeb(f, err))
		}
	}
	page.Machine, quiet = append(machine(), report.Fact{Name: "browser", Text: version}), true
	if now, ok := usedWithFamily(); known && ok {
		var fact report.Fact
		fact, quiet = otherLoad(before, now)
		page.Machine = append(page.Machine, fact)
		fmt.Fprintln(os.Stderr, fact.Name+":", fact.Text)
	}
	return page, quiet, nil
}

// tellWeb returns some figures of a round as text, or its error.
func tellWeb(f figures, err error) string {
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%.0f received, %.0f sent, %.0f round trips, %.0f with 64 in flight", f["received"], f["sent"], f["one by one"], f["64 in flight"])
}

// webFailures returns the failures of all contestants as one error, or nil.
func webFailures(page *report.WebPage) (err error) {
	for _, c := range page.Contestants {
		if c.Failure != "" {
			err = errors.Join(err, fmt.Errorf("%s: %s", c.Name, c.Failure))
		}
	}
	return err
}

// chooseWeb returns the contestants whose pages are named, or all if none is named.
func chooseWeb(only string) ([]webContestant, error) {
	if only == "" {
		return webContestants, nil
	}
	var who []webContestant
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(webContestants, func(c webContestant) bool { return c.page == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no contestant %q", name)
		}
		who = append(who, webContestants[i])
	}
	return who, nil
}
