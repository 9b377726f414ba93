package report

import (
	"cmp"
	"strings"
)

// A Page has the texts of a page. The zero Page is the main page.
type Page struct {
	File    string // name of the file without ".md"
	Title   string
	Others  string // links to other pages, in Markdown
	Reading string // how to read the figures, in Markdown
	Summary string // title of the table of all ratios
}

// StreamPage is the page of the works with streams.
var StreamPage = Page{File: "benchmarks-streams", Title: "Benchmarks of streams", Others: othersStreams, Reading: readingStreams, Summary: "Items a second, as ratios to the floor"}

const (
	others        = "Other pages have [streams](benchmarks-streams.md), and [clients in a browser](benchmarks-web.md)."
	othersStreams = "Other pages have [messages](benchmarks.md), and [clients in a browser](benchmarks-web.md)."
	othersWeb     = "Other pages have [messages](benchmarks.md), and [streams](benchmarks-streams.md), between programs in Go."
)

// resolved returns the page with the texts of the main page in place of empty ones.
func (p Page) resolved() Page {
	return Page{
		File:    cmp.Or(p.File, "benchmarks"),
		Title:   cmp.Or(p.Title, "Benchmarks"),
		Others:  cmp.Or(p.Others, others),
		Reading: cmp.Or(p.Reading, reading),
		Summary: cmp.Or(p.Summary, "Messages a second, as ratios to the floor"),
	}
}

const readingStreams = `## How to read this

- A server sends items as fast as the client takes them: one connection, one stream. The **floor** is a server and a client written by
  hand over TCP. They put a length in front of each item, gather small items in one write, and have nothing else.
- **hisock** are streams of this library: ` + "`HandleStream`" + ` and ` + "`Stream`" + `. Credit holds the server back, so that commands and calls of the connection
  go ahead. **commands** are the same items as commands of this library: the server waits when its queue is full.
- **grpc** is server streaming with the defaults of grpc-go, and a message with one field of bytes. **nats** is an embedded server, and a
  publisher in the same process that is connected to it as any client is. NATS drops what a subscriber does not take in time. So the publisher
  sends up to 1 MiB ahead of what the subscriber says that it has taken.
- A **ratio** is the figure of a contestant divided by the figure of another one in the same round.
- Both ends are the contestant's own, in two processes that share the processors of one machine. **CPU** is the processor time of each process
  for an item.
- Each item is checked: length, content and order. A contestant that fails a check has no figures.
`

// commandsOf is the contestant that sends the same items as commands over the same medium, or "".
func commandsOf(contestant string) string {
	if medium, ok := strings.CutPrefix(contestant, "hisock/"); ok {
		return "commands/" + medium
	}
	return ""
}

func (p *page) streams(w *Work) {
	p.header("", "ratio to the floor", "items/s", "ratio to grpc", "ratio to commands", "server CPU an item", "client CPU an item")
	floor, grpc := w.Row(Floor), w.Row("grpc")
	for _, row := range w.ranked(rate, true) {
		p.row(row.Contestant, ratio(row, floor, rate), spreadOf(row.Values(rate), count), ratio(row, grpc, rate),
			ratio(row, w.Row(commandsOf(row.Contestant)), rate), spreadOf(row.Values(cpuTime), duration), spreadOf(row.Values(clientCPU), duration))
	}
}

func (p *page) transfer(w *Work) {
	p.header("", "time", "MB/s", "ratio to the floor", "memory of the server", "memory of the client")
	floor := w.Row(Floor)
	for _, row := range w.ranked(rate, true) {
		p.row(row.Contestant, spreadOf(row.Values(elapsed), duration), spreadOf(row.Values(megabytes), count), ratio(row, floor, rate),
			spreadOf(row.Values(serverPeak), mebibytes), spreadOf(row.Values(clientPeak), mebibytes))
	}
}

func megabytes(s Sample) float64 { return s.Rate / 1e6 }
