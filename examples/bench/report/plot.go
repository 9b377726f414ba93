package report

import (
	"bytes"
	"fmt"
	"html"
)

// Sizes in a plot, in pixels.
const (
	plotWidth  = 760
	plotLabel  = 110 // width of the names at the left
	plotValue  = 150 // width of the figures at the right
	plotTop    = 44
	plotRow    = 26
	plotBar    = 14
	plotBottom = 12
	plotScale  = plotWidth - plotLabel - plotValue
)

// style has colours for light and for dark mode. The plot has its own background, because the page around it may
// have another mode.
const style = `
.page { fill: #ffffff }
text { font: 12px system-ui, sans-serif; fill: #24292f }
.title { font-size: 14px; font-weight: 600 }
.unit { fill: #57606a }
.bar { fill: #8c959f }
.floor { fill: #57606a }
.own { fill: #0969da }
.spread { stroke: #24292f; stroke-width: 1.5 }
.one { stroke: #8c959f; stroke-dasharray: 3 3 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 }
text { fill: #e6edf3 }
.unit { fill: #9198a1 }
.bar { fill: #6e7681 }
.floor { fill: #9198a1 }
.own { fill: #4493f8 }
.spread { stroke: #e6edf3 }
.one { stroke: #6e7681 }
}
`

// A bar is one line of a plot.
type bar struct {
	name  string
	value Spread
	text  string
}

// Plot returns a plot of the work's main figure as SVG: a bar for each median, and a line from the
// smallest to the largest.
func (w *Work) Plot() []byte {
	unit, bars, one := w.bars()
	longest := one
	for _, b := range bars {
		longest = max(longest, b.value.Max)
	}
	if longest <= 0 {
		longest = 1
	}
	x := func(v float64) float64 { return plotLabel + v/longest*plotScale }
	height := plotTop + len(bars)*plotRow + plotBottom

	var b bytes.Buffer
	f := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	f(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">`,
		plotWidth, height, plotWidth, height)
	f(`<title>%s</title>`, html.EscapeString(w.Title))
	f(`<style>%s</style>`, style)
	f(`<rect class="page" width="%d" height="%d" rx="6"/>`, plotWidth, height)
	f(`<text class="title" x="8" y="18">%s</text>`, html.EscapeString(w.Title))
	f(`<text class="unit" x="8" y="35">%s</text>`, html.EscapeString(unit))
	if one > 0 {
		f(`<line class="one" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`, x(one), plotTop, x(one), height-plotBottom)
	}
	for i, bar := range bars {
		top := plotTop + i*plotRow + (plotRow-plotBar)/2
		base, middle := top+plotBar-2, top+plotBar/2
		f(`<text x="%d" y="%d" text-anchor="end">%s</text>`, plotLabel-8, base, html.EscapeString(bar.name))
		f(`<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>`,
			class(bar.name), plotLabel, top, max(x(bar.value.Median)-plotLabel, 1), plotBar)
		f(`<line class="spread" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`,
			x(bar.value.Min), middle, x(bar.value.Max), middle)
		f(`<text x="%.1f" y="%d">%s</text>`, x(bar.value.Max)+8, base, html.EscapeString(bar.text))
	}
	f(`</svg>`)
	return b.Bytes()
}

func class(contestant string) string {
	switch contestant {
	case Floor:
		return "floor"
	case "hisock/tcp", "hisock/ws":
		return "own"
	}
	return "bar"
}

// bars returns the bars of a plot, and the position of the line for the floor, if there is one.
func (w *Work) bars() (unit string, bars []bar, one float64) {
	switch w.Kind {
	case Latency:
		for _, row := range w.ranked(p99, false) {
			v := row.Values(p99)
			bars = append(bars, bar{row.Contestant, v, duration(v.Median)})
		}
		return "99th percentile of the latency; less is better", bars, 0
	case Memory:
		for _, row := range w.ranked(resident, false) {
			v := row.Values(resident)
			bars = append(bars, bar{row.Contestant, v, size(v.Median)})
		}
		return "resident memory of a connection; less is better", bars, 0
	}
	floor := w.Row(Floor)
	if floor == nil {
		return "the floor has no figures", nil, 0
	}
	for _, row := range w.ranked(rate, true) {
		v := row.Ratios(floor, rate)
		bars = append(bars, bar{row.Contestant, v, fmt.Sprintf("%.2f (%s/s)", v.Median, count(row.Values(rate).Median))})
	}
	switch w.Kind {
	case Streams:
		return "items a second, ratio to the floor; more is better", bars, 1
	case Transfer:
		return "bytes a second, ratio to the floor; more is better", bars, 1
	}
	return "messages a second, ratio to the floor; more is better", bars, 1
}
