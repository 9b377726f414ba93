package faulty

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Script is what befalls one connection: its steps in any order. The two directions
// count for themselves; steps of one direction at the same byte are taken in the
// order that they stand in.
type Script []Step

// A Step is one fault at one place. [Read] and [Write] make it.
type Step struct {
	Dir Dir
	At  int64 // how many bytes pass before
	Do  Fault
}

// A Dir is a direction, as the side sees it that has the faults.
type Dir uint8

const (
	Reading Dir = iota
	Writing
)

func (d Dir) String() string {
	if d == Writing {
		return "write"
	}
	return "read"
}

// Read is a fault of reading, which strikes the read that comes after at bytes, whether
// there is something to read or not. It panics if at is negative.
func Read(at int64, do Fault) Step { return newStep(Reading, at, do) }

// Write is a fault of writing, which strikes once at bytes are out and more is to
// be written. It panics if at is negative.
func Write(at int64, do Fault) Step { return newStep(Writing, at, do) }

func newStep(dir Dir, at int64, do Fault) Step {
	if at < 0 {
		panic(fmt.Sprintf("faulty: %v at the negative byte %d", dir, at))
	}
	return Step{dir, at, do}
}

// A Fault is something that goes wrong in one direction. The zero Fault does nothing.
type Fault struct {
	kind kind
	time time.Duration // of a delay or stall
	n    int           // bytes of a dribble, or which bit is corrupted
}

type kind uint8

const (
	nothing kind = iota
	delay
	dribble
	corrupt
	stall
	halfClose
	cut
	reset
)

// kindNames are the kinds as scripts say them.
var kindNames = [...]string{"nothing", "delay", "dribble", "corrupt", "stall", "halfclose", "cut", "reset"}

// Delay makes every read or write from here on take d longer: data that has
// arrived is held back, and what is written goes out late. Zero ends an earlier delay.
// It panics if d is negative.
func Delay(d time.Duration) Fault { return Fault{kind: delay, time: notNegative(d)} }

// Dribble lets at most n bytes pass at a time from here on: a read returns no more, and a
// write is cut up. With a delay, each piece is late. Zero ends an earlier dribble. It
// panics if n is negative.
func Dribble(n int) Fault { return Fault{kind: dribble, n: notNegative(n)} }

// Corrupt flips one bit, 0 to 7, of the byte that comes next. It panics on another bit.
func Corrupt(bit int) Fault {
	if bit < 0 || bit > 7 {
		panic(fmt.Sprintf("faulty: a byte has no bit %d", bit))
	}
	return Fault{kind: corrupt, n: bit}
}

// Stall holds the direction up once, for d or, if that is zero, until Close. Deadlines
// hold meanwhile; the other direction goes on. Stalling both for ever is a cable that was
// pulled. It panics if d is negative.
func Stall(d time.Duration) Fault { return Fault{kind: stall, time: notNegative(d)} }

// HalfClose ends the direction in order. Of writing: the peer is told, and further
// writes fail with [ErrBroken]. Of reading: reads return [io.EOF], and what the
// peer still sends stays unread.
func HalfClose() Fault { return Fault{kind: halfClose} }

// Cut breaks off both directions, with those who wait: reads and writes fail with
// [ErrBroken]. The stream below is closed, so that the peer sees an end in the
// middle, as when a process dies.
func Cut() Fault { return Fault{kind: cut} }

// Reset is [Cut] for streams that are a [transport.Resetter]: the peer sees an error, as
// when a machine or a firewall forgets the connection. Other streams are closed.
func Reset() Fault { return Fault{kind: reset} }

func notNegative[T int | time.Duration](v T) T {
	if v < 0 {
		panic(fmt.Sprintf("faulty: %v is negative", v))
	}
	return v
}

// String is the script as [Parse] reads it: "read@40 delay(20ms), write@1000 cut", and
// "none" if it is empty.
func (s Script) String() string {
	if len(s) == 0 {
		return "none"
	}
	var b strings.Builder
	for i, step := range s {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(step.String())
	}
	return b.String()
}

// String is the step as it stands in a script: "write@1000 cut".
func (s Step) String() string { return fmt.Sprintf("%v@%d %v", s.Dir, s.At, s.Do) }

// String is the fault as it stands in a script: "delay(20ms)".
func (f Fault) String() string {
	name := kindNames[f.kind]
	switch f.kind {
	case delay:
		return fmt.Sprintf("%s(%v)", name, f.time)
	case dribble, corrupt:
		return fmt.Sprintf("%s(%d)", name, f.n)
	case stall:
		if f.time > 0 {
			return fmt.Sprintf("%s(%v)", name, f.time)
		}
	}
	return name
}

// of returns the steps of one direction, in the order that they strike.
func (s Script) of(dir Dir) (steps []Step) {
	for _, step := range s {
		if step.Dir == dir {
			steps = append(steps, step)
		}
	}
	slices.SortStableFunc(steps, func(a, b Step) int {
		switch {
		case a.At < b.At:
			return -1
		case a.At > b.At:
			return 1
		}
		return 0
	})
	return steps
}
