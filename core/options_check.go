package core

import (
	"errors"
	"strconv"
	"time"
)

// An OptionError says that an option cannot be what it was set to. [NewServer] and [NewClient] fail
// with one for each such option, joined by [errors.Join].
type OptionError struct {
	Option string // where it is, such as "Limits.MaxFrame"
	Value  string // what it was set to, as text
	Rule   string // what holds for it, such as "at least 512"
}

// Error names the option, its value and the rule.
func (e *OptionError) Error() string {
	return "core: option " + e.Option + " is " + e.Value + ": " + e.Rule
}

// optionFaults collects what is wrong with options.
type optionFaults struct{ errs []error }

func (f *optionFaults) add(option, value, rule string) {
	f.errs = append(f.errs, &OptionError{option, value, rule})
}

func (f *optionFaults) err() error { return errors.Join(f.errs...) }

type quantity interface{ ~int | ~int64 }

// size fills the default of an option in that is never off.
func size[T quantity](f *optionFaults, option string, v *T, def, least, most T) {
	switch {
	case *v == 0:
		*v = def
	case *v < least:
		f.add(option, valueText(*v), "it must be at least "+valueText(least)+", or 0 for the default")
	case most > 0 && *v > most:
		f.add(option, valueText(*v), "it must be at most "+valueText(most))
	}
}

// limit returns v, the default for zero, and zero for a limit that is off.
func limit[T quantity](v, def T) T {
	if v == 0 {
		return def
	}
	return max(v, 0)
}

// valueText is a number or a time as text.
func valueText[T quantity](v T) string {
	if d, ok := any(v).(time.Duration); ok {
		return d.String()
	}
	return strconv.FormatInt(int64(v), 10)
}
