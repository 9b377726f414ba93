package faulty

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Parse makes a script from its text:
//
//	script  "none", or steps separated by commas
//	step    "read@" or "write@", the number of the byte, a space, and the fault
//	fault   "delay(20ms)", "dribble(3)", "corrupt(7)", "stall", "stall(1s)",
//	        "halfclose", "cut" or "reset"
//
// Spaces around steps are ignored. It fails for any other text.
func Parse(text string) (Script, error) {
	if t := strings.TrimSpace(text); t == "" || t == "none" {
		return nil, nil
	}
	var s Script
	for part := range strings.SplitSeq(text, ",") {
		step, err := parseStep(strings.TrimSpace(part))
		if err != nil {
			return nil, fmt.Errorf("faulty: parse step %q: %w", part, err)
		}
		s = append(s, step)
	}
	return s, nil
}

func parseStep(text string) (step Step, err error) {
	place, what, ok := strings.Cut(text, " ")
	dir, at, found := strings.Cut(place, "@")
	if !ok || !found {
		return step, fmt.Errorf("it is not like \"read@40 cut\"")
	}
	switch dir {
	case "read":
	case "write":
		step.Dir = Writing
	default:
		return step, fmt.Errorf("%q is no direction", dir)
	}
	if step.At, err = strconv.ParseInt(at, 10, 64); err != nil {
		return step, err
	}
	if step.At < 0 {
		return step, fmt.Errorf("byte %d is negative", step.At)
	}
	step.Do, err = parseFault(strings.TrimSpace(what))
	return step, err
}

func parseFault(text string) (f Fault, err error) {
	name, rest, given := strings.Cut(text, "(")
	arg, closed := strings.CutSuffix(rest, ")")
	i := slices.Index(kindNames[:], name)
	if i < 0 || given != closed {
		return f, fmt.Errorf("%q is no fault", text)
	}
	f.kind = kind(i)
	switch f.kind {
	case delay, stall:
		if f.kind == stall && !given {
			return f, nil
		}
		f.time, err = time.ParseDuration(arg)
	case dribble, corrupt:
		f.n, err = strconv.Atoi(arg)
	default:
		if given {
			return f, fmt.Errorf("%s takes no argument", name)
		}
	}
	if err != nil {
		return f, err
	}
	if f.time < 0 || f.n < 0 || f.kind == corrupt && f.n > 7 {
		return f, fmt.Errorf("%s cannot be %s", name, arg)
	}
	return f, nil
}
