package measure

import (
	"bytes"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

// A Usage is what a process has used so far, and what it holds.
type Usage struct {
	CPU    time.Duration
	Writes int64 // system calls that write; 0 if the system does not count them
	Heap   int64 // heap and stacks in use, in bytes; only after a collection of garbage
	Got    int64 // messages that its clients have received
}

// Usage returns what the process has used. If collect is set, garbage is collected before memory is looked at.
func (w *Worker) Usage(collect bool, u *Usage) error {
	u.CPU, u.Writes, u.Got = processorTime(), writes(), w.got.Load()
	if collect {
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		u.Heap = int64(m.HeapInuse + m.StackInuse)
	}
	return nil
}

// writes returns how often this process has asked the system to write, from /proc.
func writes() int64 {
	b, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(b) {
		if n, ok := bytes.CutPrefix(line, []byte("syscw: ")); ok {
			v, err := strconv.ParseInt(string(bytes.TrimSpace(n)), 10, 64)
			if err != nil {
				return 0
			}
			return v
		}
	}
	return 0
}
