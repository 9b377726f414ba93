package core

import (
	"strconv"
	"time"
)

// An OptionError says that the value of an option is invalid. [NewServer] and [NewClient] fail
// with one for each such option, joined as [errors.Join] does it.
type OptionError struct {
	Option string // the path of the option, such as "Limits.MaxFrame"
	Value  string // the invalid value, as text
	Rule   string // the rule for the option, such as "it must be at least 512, or 0 for the default"
}

// Error names the option, its value and the rule.
func (e *OptionError) Error() string {
	return "core: option " + e.Option + " is " + e.Value + ": " + e.Rule
}

// optionFaults collects the faults of options. It behaves like the result of [errors.Join], which would add 1 KB to a
// browser build.
type optionFaults struct{ errs []error }

func (f *optionFaults) add(option, value, rule string) {
	f.errs = append(f.errs, &OptionError{option, value, rule})
}

// lacks adds a fault if an option is set whose feature this build does not have.
func (f *optionFaults) lacks(option string, set bool) {
	if set {
		f.add(option, "set", "a browser build does not have it")
	}
}

// err is nil if nothing is wrong.
func (f *optionFaults) err() error {
	if len(f.errs) == 0 {
		return nil
	}
	return f
}

func (f *optionFaults) Error() string {
	text := f.errs[0].Error()
	for _, err := range f.errs[1:] {
		text += "\n" + err.Error()
	}
	return text
}

func (f *optionFaults) Unwrap() []error { return f.errs }

type quantity interface{ ~int | ~int64 }

// size fills the default of an option in that is never off, and checks least <= *v <= most. A most of 0 is no bound.
func size[T quantity](f *optionFaults, option string, v *T, def, least, most T) {
	if *v == 0 {
		*v = def
		return
	}
	f.bound(option, int64(*v), int64(least), int64(most), isTime(*v))
}

// bound is the part of size that does not depend on the type, so that a program holds it only once.
func (f *optionFaults) bound(option string, v, least, most int64, isTime bool) {
	switch {
	case v < least:
		f.add(option, numberText(v, isTime), "it must be at least "+numberText(least, isTime)+", or 0 for the default")
	case most > 0 && v > most:
		f.add(option, numberText(v, isTime), "it must be at most "+numberText(most, isTime))
	}
}

// limit returns v, or def if v is zero, or zero if v is negative: then the limit is off.
func limit[T quantity](v, def T) T {
	if v == 0 {
		return def
	}
	return max(v, 0)
}

// valueText is a number or a time as text.
func valueText[T quantity](v T) string { return numberText(int64(v), isTime(v)) }

func isTime[T quantity](v T) bool {
	_, ok := any(v).(time.Duration)
	return ok
}

func numberText(v int64, isTime bool) string {
	if isTime {
		return time.Duration(v).String()
	}
	return strconv.FormatInt(v, 10)
}
