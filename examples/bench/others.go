package main

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"
)

// A usage is the processor time up to a moment: of the whole machine, and of
// this process and its child processes that have ended.
type usage struct {
	all, own time.Duration
	at       time.Time
}

// tick is the unit of /proc/stat. There are 100 a second on every Linux that runs Go.
const tick = time.Second / 100

// used returns the usage up to now. ok is false if the system does not say it.
func used() (u usage, ok bool) {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return u, false
	}
	// user, nice, system, idle, waiting for input, two kinds of interrupts, stolen by other guests
	var n [8]int64
	line, _, _ := strings.Cut(string(b), "\n")
	if _, err := fmt.Sscanf(line, "cpu %d %d %d %d %d %d %d %d",
		&n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7]); err != nil {
		return u, false
	}
	u.all = time.Duration(n[0]+n[1]+n[2]+n[5]+n[6]+n[7]) * tick
	for _, who := range []int{syscall.RUSAGE_SELF, syscall.RUSAGE_CHILDREN} {
		var r syscall.Rusage
		if err := syscall.Getrusage(who, &r); err != nil {
			return u, false
		}
		u.own += time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	u.at = time.Now()
	return u, true
}

// busy returns the share of the processors that other processes have used between two usages, from 0 to 1.
func busy(since, now usage, processors int) (share float64) {
	others := (now.all - since.all) - (now.own - since.own)
	return max(0, others.Seconds()/now.at.Sub(since.at).Seconds()/float64(processors))
}
