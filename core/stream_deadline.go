package core

import (
	"context"
	"sync/atomic"
	"time"
)

// A deadline is a time after which waiting fails. The zero deadline never passes. Any goroutine may
// use it.
type deadline struct {
	alarm atomic.Pointer[alarm] // nil for none
}

// An alarm wakes waiting goroutines at a time.
type alarm struct {
	at    time.Time
	timer *time.Timer
}

// set sets the deadline, or removes it for the zero time. wake wakes the waiting goroutines, which
// look again. It is called now, and when the deadline passes.
func (d *deadline) set(t time.Time, wake func()) {
	var a *alarm
	if !t.IsZero() {
		a = &alarm{t, time.AfterFunc(time.Until(t), wake)}
	}
	if before := d.alarm.Swap(a); before != nil {
		before.timer.Stop()
	}
	wake()
}

// passed reports whether the deadline has passed.
func (d *deadline) passed() bool {
	a := d.alarm.Load()
	return a != nil && !time.Now().Before(a.at)
}

// clear stops the timer.
func (d *deadline) clear() {
	if a := d.alarm.Swap(nil); a != nil {
		a.timer.Stop()
	}
}

// errLate is the reason of an error after a deadline. It is an error of package context and, in the native build, of
// package os, and has the methods of a net.Error.
var errLate error = lateError{}

type lateError struct{}

func (lateError) Error() string   { return "hisock: " + CodeDeadlineExceeded.String() }
func (lateError) Timeout() bool   { return true }
func (lateError) Temporary() bool { return true }

func (lateError) Is(target error) bool {
	return target == context.DeadlineExceeded || isLate(target)
}
