package report

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A WebPage has the results of the benchmark in a browser.
type WebPage struct {
	Date    time.Time
	Command string
	Rounds  int
	Seconds float64 // how long each work of a page was measured

	Contestants []WebContestant
	Files       []Fact // what a page downloads of hisock
	Machine     []Fact
	Versions    []Fact
}

// A WebContestant is a column of the tables.
type WebContestant struct {
	Name    string
	Failure string               // why there are no figures; empty if there are
	Samples []map[string]float64 // one for each round; by the Key of a row
}

// A WebRow is a row of the tables.
type WebRow struct{ Key, Title string }

// WebRows are the rows of what a page does, and WebFound are the rows of what was found in public bug reports. Memory is in bytes, and
// is written in megabytes; other figures are in the unit that the title says.
var (
	WebRows = []WebRow{
		{"received", "received, a second"},
		{"main thread", "main thread for 10,000 received, ms"},
		{"one by one", "round trips one at a time, a second"},
		{"64 in flight", "round trips, 64 in flight, a second"},
		{"sent", "sent, a second"},
		{"heap connected", "heap and buffers, MB"},
		{"heap loaded", "the same after the load, MB"},
		{"private connected", "memory of the process, MB"},
		{"private loaded", "the same after the load, MB"},
		{"download", "to download, gzipped, KB"},
		{"first answer", "navigation to the first answer, 40 ms and 10 Mbit/s away, ms"},
		{"connected", "navigation to connected, 40 ms and 1.6 Mbit/s away, ms"},
	}
	WebFound = []WebRow{
		{"frames", "frames a second while a burst is handled"},
		{"longest task", "longest task meanwhile, ms"},
		{"upload visible", "5 MB uploaded by a visible page, ms"},
		{"upload hidden", "the same by a hidden page, ms"},
		{"on", "setting a handler, µs"},
		{"remove", "removing 10,000 handlers of one name, ms"},
	}
)

// Write writes the page into a directory, as benchmarks-web.md.
func (w *WebPage) Write(dir string) error {
	return os.WriteFile(filepath.Join(dir, "benchmarks-web.md"), w.Markdown(), 0o644)
}

// Markdown returns the page.
func (w *WebPage) Markdown() []byte {
	p := &page{}
	p.f("# Benchmarks in a browser\n\n")
	p.f("Written by `%s` on %s; do not edit. [The benchmark's README](../examples/bench/README.md#in-a-browser) says how it is\n"+
		"measured, and how each contestant is used.\n\n", w.Command, w.Date.Format(time.DateOnly))
	p.f("%s\n\n", othersWeb)
	p.f("%s\n", readingWeb)
	p.f("Each figure is a median of %d rounds, of fewer for uploads. Each round measured every contestant once, each rate for %g s.\n\n", w.Rounds, w.Seconds)
	p.f("## What a page can do\n\n")
	p.web(w, WebRows, func(_ WebRow, s Spread, text func(float64) string) string { return text(s.Median) })
	p.f("## What was found in bug reports\n\n%s\n\n", foundWeb)
	p.web(w, WebFound, func(_ WebRow, s Spread, text func(float64) string) string { return text(s.Median) })
	p.f("## The smallest and the largest figures of the rounds\n\n")
	p.web(w, slices.Concat(WebRows, WebFound), func(r WebRow, s Spread, text func(float64) string) string {
		if s.Min == s.Max {
			return text(s.Median)
		}
		return text(s.Min) + "–" + text(s.Max)
	})
	for _, c := range w.Contestants {
		if c.Failure != "" {
			p.f("%s failed: %s\n\n", c.Name, oneLine(c.Failure))
		}
	}
	p.f("## What a page downloads of hisock\n\n")
	p.facts("entry of the package", "bytes, gzipped", w.Files)
	p.f("## Machine and versions\n\n")
	p.facts("machine", "", w.Machine)
	p.facts("contestant", "version", w.Versions)
	return bytes.TrimRight(p.Bytes(), "\n")
}

// web writes a table of rows, with a column for each contestant.
func (p *page) web(w *WebPage, rows []WebRow, cell func(WebRow, Spread, func(float64) string) string) {
	header := []string{""}
	for _, c := range w.Contestants {
		header = append(header, c.Name)
	}
	p.header(header...)
	for _, r := range rows {
		cells := []string{r.Title}
		for _, c := range w.Contestants {
			switch values := c.values(r.Key); {
			case c.Failure != "":
				cells = append(cells, "failed")
			case len(values) == 0:
				cells = append(cells, "")
			default:
				cells = append(cells, cell(r, spread(values), r.text))
			}
		}
		p.row(cells...)
	}
	p.f("\n")
}

func (c *WebContestant) values(key string) (values []float64) {
	for _, s := range c.Samples {
		if v, ok := s[key]; ok {
			values = append(values, v)
		}
	}
	return values
}

// isMemory are the rows in bytes, which are written in megabytes, and inKilobytes are the rows in bytes that are written in kilobytes.
var (
	isMemory    = []string{"heap connected", "heap loaded", "private connected", "private loaded"}
	inKilobytes = []string{"download"}
)

// text returns a figure of the row as text.
func (r WebRow) text(v float64) string {
	switch {
	case slices.Contains(isMemory, r.Key):
		return fmt.Sprintf("%.1f", max(0, v)/1e6)
	case slices.Contains(inKilobytes, r.Key):
		v /= 1e3
	}
	switch {
	case v < 1:
		return fmt.Sprintf("%.2f", v)
	case v < 10:
		return fmt.Sprintf("%.1f", v)
	}
	return count(v)
}

// WebFiles returns facts about the files of a page, by name.
func WebFiles(bytes map[string]int) (facts []Fact) {
	for _, name := range slices.Sorted(maps.Keys(bytes)) {
		facts = append(facts, Fact{name, count(float64(bytes[name]))})
	}
	return facts
}

const readingWeb = `## How to read this

- Every contestant has the same page: an empty document with one script, which has the contestant's client and the few lines that use it. The page, the
  browser, the machine and the texts of 128 B are the same. Server, browser and page share the processors of one machine, over loopback.
- **By hand** is a client of some 60 lines, and a server in Go: names and calls, and nothing else. It does not come back when its connection breaks off. It
  is what a page can do at best, with a frame for each message, or with the messages of a task in one frame.
- **Contestants do different things.** hisock has sessions that go on after a cut with nothing lost, acknowledgements, heartbeats and bounded queues, and all of
  them are on. Socket.IO's server runs in Node. A NATS server runs no code of a program: a client in the server's process answers, which is one more
  step for each round trip.
- **Received**: the server sends texts as fast as it can, and the page counts them in its handler. **Main thread** is the time in which the page's main thread
  was busy meanwhile, for 10,000 texts. A page that draws needs that time for itself, so it says more than the rate.
- **Sent** is counted when the server says that it has taken all. By hand, Socket.IO, centrifuge-js and nats.js put everything into the browser's memory
  at once. hisock has a bounded queue, and the page waits while it is full, as its README says.
- **Heap and buffers** are what the page holds after a collection of garbage, beyond an empty page; the memory of WebAssembly is among it. **Memory of the
  process** is what the page's process shares with no other process, beyond an empty page. It includes compiled code, and freed memory that the process
  keeps. It differs by some megabytes from one page to the next, so small figures mean little.
- **To download** is the client with the lines that use it, minified and gzipped, as every server of these pages sends it. Brotli would make the
  Go program a quarter smaller.
- **Navigation** is a page whose browser has nothing in its caches, over a network that delays by 20 ms each way and carries that many bits a second each
  way. It has no TLS, loses nothing, and begins at full speed where TCP begins slowly, so a real network takes longer, for large files above all. The **first answer** is
  the answer to the first text that the page sends.
`

const foundWeb = `A **burst** are texts that come as fast as the page takes them, and whose handler works for 0.05 ms. A page that draws smoothly has 60
frames a second, and tasks of less than 50 ms. A **hidden** page has another tab in front, with the browser's own limits for such pages. The 5 MB are
80 messages of 64 KiB. Handlers are **set** for 10,000 names, one each, and removed from one name in the order in which they were set; contestants without
handlers of names have no figure.`
