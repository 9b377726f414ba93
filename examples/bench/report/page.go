package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// plotDir is the folder of the plots, relative to the page.
const plotDir = "benchmarks"

// Write writes the page and its plots into a directory: benchmarks.md, or the file of its Page, and benchmarks/*.svg.
func (r *Results) Write(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, plotDir), 0o755); err != nil {
		return err
	}
	for i := range r.Works {
		w := &r.Works[i]
		path := filepath.Join(dir, plotDir, w.Name+".svg")
		if err := os.WriteFile(path, w.Plot(), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(dir, r.Name()), r.Markdown(), 0o644)
}

// Name is the name of the page's file.
func (r *Results) Name() string { return r.resolved().File + ".md" }

// Markdown returns the page.
func (r *Results) Markdown() []byte {
	p, about := &page{}, r.resolved()
	p.f("# %s\n\n", about.Title)
	p.f("Written by `%s` on %s; do not edit. [The benchmark's README](../examples/bench/README.md) says how it is\n"+
		"measured, and how to add a contestant.\n\n", r.Command, r.Date.Format(time.DateOnly))
	p.f("%s\n\n", about.Others)
	p.f("%s\n", about.Reading)
	p.f("Each figure is a median of %d rounds. Each round measured every contestant once for %g s.\n"+
		"In brackets are the smallest and the largest figure of the rounds.\n\n", r.Rounds, r.Seconds)
	p.summary(r, about.Summary)
	for i := range r.Works {
		p.work(r, &r.Works[i])
	}
	p.f("## Machine and versions\n\n")
	p.facts("machine", "", r.Machine)
	p.facts("contestant", "version", r.Versions)
	return bytes.TrimRight(p.Bytes(), "\n")
}

const reading = `## How to read this

- The **floor** is a TCP server written by hand for this benchmark. It puts a length in front of each message
  and gathers several messages in one write. It has nothing else: no names, limits, heartbeats or
  sessions. A library over Go's ` + "`net`" + ` can come near the floor. If a library is above it, the floor is
  not as good as it could be in that work.
- A **ratio** is the figure of a contestant divided by the figure of the floor in the same round: 0.50 means half as
  many messages a second. Ratios say more than absolute figures, which belong to one machine.
- **Server CPU** is the processor time of the server's process for a message. Here the load
  shares the processors with the server, so server CPU says more about a server than
  messages a second.
- Every message is checked: length, order and content, and that none is lost. A contestant that fails a check has no
  figures.
- Contestants do different things. Servers that speak WebSocket pay for masks and frames. NATS and
  centrifuge have subjects or channels. hisock has names, groups, sessions that
  outlive a connection, heartbeats and limits, and all of them are on.
- Server and load are two processes on one machine. A network between them would hide
  most of the differences.
`

type page struct{ bytes.Buffer }

func (p *page) f(format string, args ...any) { fmt.Fprintf(p, format, args...) }

func (p *page) row(cells ...string) { p.f("| %s |\n", strings.Join(cells, " | ")) }

// header begins a table whose first column is text, and whose other columns are figures.
func (p *page) header(cells ...string) {
	p.row(cells...)
	p.f("| --- |%s\n", strings.Repeat(" ---: |", len(cells)-1))
}

// summary writes a table with the ratios of all throughputs.
func (p *page) summary(r *Results, title string) {
	var works []*Work
	var names []string
	for i := range r.Works {
		if w := &r.Works[i]; w.Kind == Throughput || w.Kind == Streams {
			works = append(works, w)
			for _, row := range w.Rows {
				if row.Contestant != Floor && !contains(names, row.Contestant) {
					names = append(names, row.Contestant)
				}
			}
		}
	}
	if len(works) == 0 {
		return
	}
	p.f("## %s\n\n", title)
	p.header(append([]string{"", "floor, " + strings.ToLower(strings.Fields(title)[0]) + "/s"}, names...)...)
	for _, w := range works {
		floor := w.Row(Floor)
		cells := []string{fmt.Sprintf("[%s](#%s)", w.Name, w.Name), "-"}
		if floor != nil {
			cells[1] = count(floor.Values(rate).Median)
		}
		for _, name := range names {
			cell := ""
			if row := w.Row(name); row != nil && floor != nil {
				cell = fmt.Sprintf("%.2f", row.Ratios(floor, rate).Median)
			} else if w.failed(name) {
				cell = "failed"
			}
			cells = append(cells, cell)
		}
		p.row(cells...)
	}
	p.f("\n")
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

func (w *Work) failed(contestant string) bool {
	for _, row := range w.Rows {
		if row.Contestant == contestant {
			return row.Failure != ""
		}
	}
	return false
}

func (p *page) work(r *Results, w *Work) {
	p.f("## %s\n\n", w.Name)
	p.f("%s\n\n", strings.TrimSpace(w.Title+". "+w.About))
	p.f("![%s](%s/%s.svg)\n\n", w.Title, plotDir, w.Name)
	switch w.Kind {
	case Throughput:
		p.throughput(w, r.work(w.Against))
	case Latency:
		p.latency(w)
	case Memory:
		p.memory(w)
	case Clients:
		p.clients(w)
	case Streams:
		p.streams(w)
	case Transfer:
		p.transfer(w)
	}
	for _, row := range w.Rows {
		if row.Failure != "" {
			p.row(row.Contestant, "failed: "+oneLine(row.Failure))
		}
	}
	p.f("\n")
}

func (p *page) throughput(w, against *Work) {
	header := []string{"", "ratio to the floor", "messages/s", "server CPU a message", "ratio to the floor"}
	if against != nil {
		header = append(header, "messages/s, ratio to "+against.Name)
	}
	p.header(header...)
	floor := w.Row(Floor)
	for _, row := range w.ranked(rate, true) {
		cells := []string{
			row.Contestant, ratio(row, floor, rate), spreadOf(row.Values(rate), count),
			spreadOf(row.Values(cpuTime), duration), ratio(row, floor, cpuTime),
		}
		if against != nil {
			cells = append(cells, ratio(row, against.Row(row.Contestant), rate))
		}
		p.row(cells...)
	}
}

func (p *page) latency(w *Work) {
	p.header("", "median", "99th percentile", "its ratio to the floor", "server CPU a message")
	floor := w.Row(Floor)
	for _, row := range w.ranked(p99, false) {
		p.row(row.Contestant, spreadOf(row.Values(p50), duration), spreadOf(row.Values(p99), duration),
			ratio(row, floor, p99), spreadOf(row.Values(cpuTime), duration))
	}
}

func (p *page) clients(w *Work) {
	p.header("", "ratio to the floor", "messages/s", "client CPU a message", "median", "99th percentile", "its ratio to the floor")
	floor := w.Row(Floor)
	for _, row := range w.ranked(rate, true) {
		cells := []string{row.Contestant, ratio(row, floor, rate), spreadOf(row.Values(rate), count), spreadOf(row.Values(cpuTime), duration)}
		if row.Values(p99).Median > 0 {
			cells = append(cells, spreadOf(row.Values(p50), duration), spreadOf(row.Values(p99), duration), "")
			if floor != nil && floor.Values(p99).Median > 0 {
				cells[len(cells)-1] = ratio(row, floor, p99)
			}
		} else {
			cells = append(cells, "", "", "")
		}
		p.row(cells...)
	}
}

func (p *page) memory(w *Work) {
	p.header("", "heap and stacks", "resident")
	for _, row := range w.ranked(resident, false) {
		p.row(row.Contestant, spreadOf(row.Values(heap), size), spreadOf(row.Values(resident), size))
	}
}

func (p *page) facts(name, text string, facts []Fact) {
	p.row(name, text)
	p.f("| --- | --- |\n")
	for _, f := range facts {
		p.row(f.Name, oneLine(f.Text))
	}
	p.f("\n")
}

// oneLine shortens text to fit into a cell of a table.
func oneLine(text string) string {
	text = strings.NewReplacer("\n", " ", "|", "/").Replace(text)
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + " ..."
	}
	return text
}
