package main

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// usedWithFamily returns the usage up to now, as used does, but its own part includes the processes below this one that live. The time of a
// process that has ended is its parent's, if the parent has waited for it, so no time is lost or counted twice.
func usedWithFamily() (u usage, ok bool) {
	u, ok = used()
	if !ok {
		return u, false
	}
	all, err := processes()
	if err != nil {
		return u, false
	}
	u.own = all.family(os.Getpid())
	return u, true
}

// processTimes are the living processes of the machine, by their numbers.
type processTimes map[int]processTime

// A processTime is the processor time of a process and of the processes for which it has waited.
type processTime struct {
	parent int
	used   time.Duration
}

// family returns the processor time of a process and of all processes below it.
func (all processTimes) family(pid int) time.Duration {
	sum := all[pid].used
	for child, p := range all {
		if p.parent == pid {
			sum += all.family(child)
		}
	}
	return sum
}

// processes returns the processes of the machine.
func processes() (processTimes, error) {
	paths, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	all := make(processTimes)
	for _, path := range paths {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		if p, err := parseProcess(string(stat)); err == nil {
			all[pid] = p
		}
	}
	return all, nil
}

var errStat = errors.New("not a line of /proc/PID/stat")

// parseProcess parses a line of /proc/PID/stat.
func parseProcess(stat string) (p processTime, err error) {
	// The name is in parentheses, and may have spaces and parentheses itself.
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
	const parent, user, system, waitedUser, waitedSystem = 1, 11, 12, 13, 14
	if len(fields) <= waitedSystem {
		return p, errStat
	}
	if p.parent, err = strconv.Atoi(fields[parent]); err != nil {
		return p, errStat
	}
	for _, i := range []int{user, system, waitedUser, waitedSystem} {
		ticks, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			return p, errStat
		}
		p.used += time.Duration(ticks) * tick
	}
	return p, nil
}
