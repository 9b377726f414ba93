package core

import (
	"strconv"
	"time"
)

// An OptionError says that an option cannot be what it was set to. [NewServer] and [NewClient] fail
// with one for each such option, joined as [errors.Join] does it.
type OptionError struct {
	Option string // where it is, such as "Limits.MaxFrame"
	Value  string // what it was set to, as text
	Rule   string // what holds for it, such as "at least 512"
}

// Error names the option, its value and the rule.
func (e *OptionError) Error() string {
	return "core: option " + e.Option + " is " + e.Value + ": " + e.Rule
}

// optionFaults collects the faults of options. It is like the result of [errors.Join], for which a browser build would
// pay 1 KB.
type optionFaults struct{ errs []error }

func (f *optionFaults) add(option, value, rule string) {
	f.errs = append(f.errs, &OptionError{option, value, rule})
}

// lacks adds an option that is set, of a feature that this build does not have.
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

// size fills the default of an option in that is never off.
func size[T quantity](f *optionFaults, option string, v *T, def, least, most T) {
	if *v == 0 {
		*v = def
		return
	}
	f.bound(option, int64(*v), int64(least), int64(most), isTime(*v))
}

// bound is the part of size that does not depend on the type: a program has it once.
func (f *optionFaults) bound(option string, v, least, most int64, isTime bool) {
	switch {
	case v < least:
		f.add(option, numberText(v, isTime), "it must be at least "+numberText(least, isTime)+", or 0 for the default")
	case most > 0 && v > most:
		f.add(option, numberText(v, isTime), "it must be at most "+numberText(most, isTime))
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
