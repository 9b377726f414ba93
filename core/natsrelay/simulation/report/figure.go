// Package report makes the tables and plots of docs/scaling.md.
package report

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// style has colours for light and for dark mode. A plot has its own background, because the page around it may have another mode.
const style = `
.page { fill: #ffffff }
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-size: 14px; font-weight: 600 }
.unit, .tick { fill: #57606a }
.grid { stroke: #d0d7de; stroke-width: 1 }
.line { fill: none; stroke-width: 2 }
.cell { stroke: #ffffff; stroke-width: 2 }
.c0 { fill: #d8dee4 } .c1 { fill: #b6d7ff } .c2 { fill: #8cc8ff } .c3 { fill: #c2e8c5 } .c4 { fill: #e4d3ff }
.c5 { fill: #ffe3a3 } .c6 { fill: #ffd0a8 } .c7 { fill: #ffc4b8 } .c8 { fill: #f7c5e0 } .c9 { fill: #a8e4e0 }
.s0 { stroke: #0969da } .s1 { stroke: #bc4c00 } .s2 { stroke: #1a7f37 } .s3 { stroke: #8250df } .s4 { stroke: #bf3989 } .s5 { stroke: #57606a }
.f0 { fill: #0969da } .f1 { fill: #bc4c00 } .f2 { fill: #1a7f37 } .f3 { fill: #8250df } .f4 { fill: #bf3989 } .f5 { fill: #57606a }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 }
text { fill: #e6edf3 }
.unit, .tick { fill: #9198a1 }
.grid { stroke: #30363d }
.cell { stroke: #0d1117 }
.c0 { fill: #30363d } .c1 { fill: #1b4b91 } .c2 { fill: #0f6d9c } .c3 { fill: #1f6b35 } .c4 { fill: #5b3a9e }
.c5 { fill: #7a5a00 } .c6 { fill: #8a4a12 } .c7 { fill: #8c2f26 } .c8 { fill: #7d2f5f } .c9 { fill: #1b6e6a }
.s0 { stroke: #4493f8 } .s1 { stroke: #f0883e } .s2 { stroke: #3fb950 } .s3 { stroke: #ab7df8 } .s4 { stroke: #db61a2 } .s5 { stroke: #9198a1 }
.f0 { fill: #4493f8 } .f1 { fill: #f0883e } .f2 { fill: #3fb950 } .f3 { fill: #ab7df8 } .f4 { fill: #db61a2 } .f5 { fill: #9198a1 }
}
`

// A figure is an SVG that is being written.
type figure struct{ bytes.Buffer }

func (f *figure) add(format string, args ...any) { fmt.Fprintf(f, format+"\n", args...) }

func (f *figure) text(x, y float64, class, anchor, text string) {
	f.add(`<text class="%s" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, class, x, y, anchor, html.EscapeString(text))
}

func (f *figure) begin(width, height int, title, unit string) {
	f.add(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`, width, height, width, height)
	f.add(`<title>%s</title>`, html.EscapeString(title))
	f.add(`<style>%s</style>`, style)
	f.add(`<rect class="page" width="%d" height="%d" rx="6"/>`, width, height)
	f.text(12, 20, "title", "start", title)
	f.text(12, 38, "unit", "start", unit)
}

func (f *figure) end() []byte {
	f.add(`</svg>`)
	return f.Bytes()
}

// A heat is a plot of cells, each with a text in the colour of its kind.
type heat struct {
	title, unit string
	across      []string // above the columns
	down        []string // before the rows
	acrossName  string
	downName    string
	cells       [][]heatCell // by row
	kinds       []string     // the names of the colours that may be used
}

type heatCell struct {
	kind int
	text string
	more string // a second line
}

func (h *heat) draw() []byte {
	const left, top, w, t = 96.0, 88.0, 92.0, 42.0
	used := map[int]bool{}
	for _, row := range h.cells {
		for _, c := range row {
			used[c.kind] = true
		}
	}
	width := int(left + w*float64(len(h.across)) + 16)
	bottom := top + t*float64(len(h.down)) + 14
	lines := 1 // of the legend
	x := 12.0
	for kind, name := range h.kinds {
		if used[kind] {
			if x += legend(name); x > float64(width) {
				lines, x = lines+1, 12+legend(name)
			}
		}
	}
	var f figure
	f.begin(width, int(bottom)+22*lines+6, h.title, h.unit)
	f.text(left, 62, "tick", "start", h.acrossName)
	f.text(left-10, 81, "tick", "end", h.downName)
	for i, name := range h.across {
		f.text(left+w*(float64(i)+0.5), 81, "", "middle", name)
	}
	for j, row := range h.cells {
		y := top + t*float64(j)
		f.text(left-10, y+t/2+4, "", "end", h.down[j])
		for i, c := range row {
			x := left + w*float64(i)
			f.add(`<rect class="cell c%d" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, c.kind, x, y, w, t)
			f.text(x+w/2, y+18, "", "middle", c.text)
			f.text(x+w/2, y+33, "", "middle", c.more)
		}
	}
	x, y := 12.0, bottom+4
	for kind, name := range h.kinds {
		if !used[kind] {
			continue
		}
		if x+legend(name) > float64(width) {
			x, y = 12, y+22
		}
		f.add(`<rect class="c%d" x="%.1f" y="%.1f" width="14" height="14" rx="2"/>`, kind, x, y)
		f.text(x+20, y+11, "", "start", name)
		x += legend(name)
	}
	return f.end()
}

func legend(name string) float64 { return 34 + 6.6*float64(len(name)) }

// A graph is a plot of lines over two logarithmic axes.
type graph struct {
	title, unit, across string
	lines               []line
	low                 float64 // the least value that is shown
	value               func(float64) string
}

type line struct {
	name string
	x, y []float64
}

func (g *graph) draw() []byte {
	const width, height, left, right, top, bottom = 760, 380, 84.0, 190.0, 54.0, 46.0
	x0, x1, y0, y1 := math.Inf(1), 0.0, math.Inf(1), 0.0
	for _, l := range g.lines {
		for i := range l.x {
			if l.y[i] < g.low {
				continue
			}
			x0, x1, y0, y1 = math.Min(x0, l.x[i]), math.Max(x1, l.x[i]), math.Min(y0, l.y[i]), math.Max(y1, l.y[i])
		}
	}
	decade := func(v float64, up bool) float64 {
		if up {
			return math.Ceil(math.Log10(v) - 1e-9)
		}
		return math.Floor(math.Log10(v) + 1e-9)
	}
	lx0, lx1, ly0, ly1 := decade(x0, false), decade(x1, true), decade(y0, false), decade(y1, true)
	px := func(v float64) float64 { return left + (math.Log10(v)-lx0)/(lx1-lx0)*(width-left-right) }
	py := func(v float64) float64 { return height - bottom - (math.Log10(v)-ly0)/(ly1-ly0)*(height-top-bottom) }
	var f figure
	f.begin(width, height, g.title, g.unit)
	for e := lx0; e <= lx1; e++ {
		v := math.Pow(10, e)
		f.add(`<line class="grid" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, px(v), top, px(v), height-bottom)
		f.text(px(v), height-bottom+17, "tick", "middle", amount(v))
	}
	for e := ly0; e <= ly1; e++ {
		v := math.Pow(10, e)
		f.add(`<line class="grid" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, left, py(v), width-right, py(v))
		f.text(left-8, py(v)+4, "tick", "end", g.value(v))
	}
	f.text(left+(width-left-right)/2, height-10, "tick", "middle", g.across)
	ends := make([]float64, len(g.lines)) // where the names go, apart from each other
	for i, l := range g.lines {
		var points []string
		for j := range l.x {
			if l.y[j] >= g.low {
				points = append(points, fmt.Sprintf("%.1f,%.1f", px(l.x[j]), py(l.y[j])))
				f.add(`<circle class="f%d" cx="%.1f" cy="%.1f" r="3"/>`, i, px(l.x[j]), py(l.y[j]))
				ends[i] = py(l.y[j])
			}
		}
		f.add(`<polyline class="line s%d" points="%s"/>`, i, strings.Join(points, " "))
	}
	for range 200 {
		for i := range ends {
			for j := range i {
				if d := ends[i] - ends[j]; math.Abs(d) < 15 {
					push := 0.5
					if d < 0 || d == 0 && i < j {
						push = -push
					}
					ends[i], ends[j] = ends[i]+push, ends[j]-push
				}
			}
		}
	}
	for i, l := range g.lines {
		f.add(`<circle class="f%d" cx="%.1f" cy="%.1f" r="4"/>`, i, width-right+12, ends[i])
		f.text(width-right+21, ends[i]+4, "", "start", l.name)
	}
	return f.end()
}

// amount writes a number with two digits that count: "1.2 million".
func amount(v float64) string {
	switch {
	case v >= 0.995e12:
		return digits(v/1e12) + " T"
	case v >= 0.995e9:
		return digits(v/1e9) + " G"
	case v >= 0.995e6:
		return digits(v/1e6) + " M"
	case v >= 0.995e3:
		return digits(v/1e3) + " k"
	}
	return digits(v)
}

// times writes how many times as much something is.
func times(v float64) string {
	if v >= 100 {
		return "× " + amount(v)
	}
	return "× " + digits(v)
}

// memory writes a size.
func memory(v float64) string {
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if v < 999.5 {
			return digits(v) + " " + unit
		}
		v /= 1024
	}
	return digits(v) + " TiB"
}

func digits(v float64) string {
	if v == 0 {
		return "0"
	}
	places := max(1-int(math.Floor(math.Log10(math.Abs(v))+1e-9)), 0)
	s := strconv.FormatFloat(v, 'f', places, 64)
	if places > 0 {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}
