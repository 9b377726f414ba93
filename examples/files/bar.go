package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/hisock/hisock/core/files"
)

// A bar shows the progress of one file, in a terminal.
type bar struct {
	w       io.Writer
	name    string
	moves   bool // w is a terminal: a line can be written over
	drawn   bool
	from    int64     // start of the attempt, in bytes
	started time.Time // time at which the attempt began
}

func newBar(w io.Writer, name string) *bar {
	b := &bar{w: w, name: printable(name), from: -1}
	if f, ok := w.(*os.File); ok {
		info, err := f.Stat()
		b.moves = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return b
}

// show draws the bar.
func (b *bar) show(p files.Progress) {
	if !b.moves {
		return
	}
	if p.Done == p.From {
		b.started, b.from = time.Now(), p.From
	}
	fmt.Fprint(b.w, "\r\x1b[K", line(b.name, p, time.Since(b.started)))
	b.drawn = true
}

// end draws the result for a file. It returns err if the transfer has failed.
func (b *bar) end(r files.Receipt, err error) error {
	if b.drawn {
		fmt.Fprintln(b.w)
	}
	if err != nil {
		return err
	}
	how := ""
	switch {
	case r.Size > 0 && r.From == r.Size:
		how = " (it was there)"
	case r.From > 0:
		how = fmt.Sprintf(" (went on from %s)", amount(r.From))
	}
	fmt.Fprintf(b.w, "%s: %s, SHA-256 %s%s\n", b.name, amount(r.Size), r.Sum(), how)
	return nil
}

// Widths in characters: a line fits a terminal of 80.
const (
	barWidth  = 16
	nameWidth = 18
)

// line returns the bar of a file.
func line(name string, p files.Progress, took time.Duration) string {
	if r := []rune(name); len(r) > nameWidth {
		name = string(r[:nameWidth-1]) + "…"
	}
	rate := 0.0
	if took > 0 {
		rate = float64(p.Done-p.From) / took.Seconds()
	}
	if p.Size < 0 {
		return fmt.Sprintf("%s  %s  %s/s", name, amount(p.Done), amount(int64(rate)))
	}
	share := 1.0
	if p.Size > 0 {
		share = float64(p.Done) / float64(p.Size)
	}
	full := int(share * barWidth)
	s := fmt.Sprintf("%s  [%s%s] %3.0f%%  %s  %s/s", name, strings.Repeat("#", full), strings.Repeat(".", barWidth-full),
		100*share, amount(p.Done), amount(int64(rate)))
	if rate > 0 && p.Done < p.Size {
		s += "  " + (time.Duration(float64(p.Size-p.Done) / rate * float64(time.Second))).Round(time.Second).String() + " left"
	}
	return s
}

// amount returns a number of bytes in words for people.
func amount(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	f := float64(n)
	for _, unit := range []string{"kB", "MB", "GB"} {
		if f /= 1000; f < 999.95 {
			return fmt.Sprintf("%.1f %s", f, unit)
		}
	}
	return fmt.Sprintf("%.1f TB", f/1000)
}

// printable replaces the characters that a terminal does not print.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
