package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ratio returns the ratio of a row's figure to another row's figure as text, or "" if there is no other row.
func ratio(row, other *Row, figure func(Sample) float64) string {
	if other == nil {
		return ""
	}
	s := row.Ratios(other, figure)
	if row == other {
		return "1"
	}
	return spreadOf(s, func(v float64) string { return fmt.Sprintf("%.2f", v) })
}

func spreadOf(s Spread, text func(float64) string) string {
	if s.Min == s.Max {
		return text(s.Median)
	}
	return fmt.Sprintf("%s (%s–%s)", text(s.Median), text(s.Min), text(s.Max))
}

// count returns a number with three significant digits and with commas between thousands.
func count(v float64) string {
	step := 1.0
	for v/step >= 1000 {
		step *= 10
	}
	digits := strconv.FormatInt(int64(v/step+0.5)*int64(step), 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// duration returns nanoseconds as text in a suitable unit.
func duration(ns float64) string {
	switch {
	case ns < float64(10*time.Microsecond):
		return count(ns) + " ns"
	case ns < float64(10*time.Millisecond):
		return fmt.Sprintf("%.4g µs", ns/1e3)
	default:
		return fmt.Sprintf("%.4g ms", ns/1e6)
	}
}

func mebibytes(bytes float64) string { return fmt.Sprintf("%.1f MiB", bytes/(1<<20)) }

func size(bytes float64) string { return fmt.Sprintf("%.1f KiB", bytes/1024) }
