package faulty

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Script has the faults of one connection. Its steps may be in any order. Each direction counts its
// own bytes. Steps of one direction at the same byte are taken in the order of the script.
type Script []Step

// A Step is one fault at one place. [Read] and [Write] make it.
type Step struct {
	Dir Dir
	At  int64 // bytes that pass before the fault
	Do  Fault
}

// A Dir is a direction of the wrapped connection.
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

// Read returns a step for reading. The fault strikes in the first read after at bytes have been read, even if
// there is nothing to read. Read panics if at is negative.
func Read(at int64, do Fault) Step { return newStep(Reading, at, do) }

// Write returns a step for writing. The fault strikes in the first write of a byte after at bytes have been
// written. Write panics if at is negative.
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
	time time.Duration // length of a delay or stall
	n    int           // bytes of a dribble, or number of the corrupted bit
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

// kindNames are the names of the kinds in the text of a script.
var kindNames = [...]string{"nothing", "delay", "dribble", "corrupt", "stall", "halfclose", "cut", "reset"}

// Delay makes every later read or write take d longer: bytes that have
// arrived are held back, and written bytes are sent late. Zero ends an earlier delay.
// Delay panics if d is negative.
func Delay(d time.Duration) Fault { return Fault{kind: delay, time: notNegative(d)} }

// Dribble lets at most n bytes pass at a time from now on: a read returns no more, and a
// write is split. With a delay, each piece is late. Zero ends an earlier dribble. Dribble
// panics if n is negative.
func Dribble(n int) Fault { return Fault{kind: dribble, n: notNegative(n)} }

// Corrupt flips one bit of the next byte. It panics unless bit is from 0 to 7.
func Corrupt(bit int) Fault {
	if bit < 0 || bit > 7 {
		panic(fmt.Sprintf("faulty: a byte has no bit %d", bit))
	}
	return Fault{kind: corrupt, n: bit}
}

// Stall holds the direction up once, for d, or until Close if d is zero. Deadlines
// hold meanwhile, and the other direction goes on. Stalling both directions without end acts like a cable that was
// pulled out. Stall panics if d is negative.
func Stall(d time.Duration) Fault { return Fault{kind: stall, time: notNegative(d)} }

// HalfClose ends the direction in order. For writing, the peer reads the end, and later
// writes fail with [ErrBroken]. For reading, reads return [io.EOF], and bytes that the
// peer still sends are not read.
func HalfClose() Fault { return Fault{kind: halfClose} }

// Cut breaks off both directions, including operations that wait: reads and writes fail with
// [ErrBroken]. The stream below is closed, so the peer sees an end in the
// middle, as when a process dies.
func Cut() Fault { return Fault{kind: cut} }

// Reset is [Cut] for streams that are a [transport.Resetter]: the peer sees an error, as
// when a machine or a firewall forgets the connection. Other streams are closed as by Cut.
func Reset() Fault { return Fault{kind: reset} }

func notNegative[T int | time.Duration](v T) T {
	if v < 0 {
		panic(fmt.Sprintf("faulty: %v is negative", v))
	}
	return v
}

// String returns the script as text that [Parse] reads: "read@40 delay(20ms), write@1000 cut", or
// "none" for an empty script.
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

// String returns the step as text: "write@1000 cut".
func (s Step) String() string { return fmt.Sprintf("%v@%d %v", s.Dir, s.At, s.Do) }

// String returns the fault as text: "delay(20ms)".
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

// of returns the steps of one direction, in the order in which they strike.
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
