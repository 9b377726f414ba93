//go:build !js

package budget

import (
	"math"
	"os"
	"path"
	"runtime/debug"
	"strconv"
	"strings"
)

// unknownMemory is the number of bytes that a process is assumed to have if no bound is known.
const unknownMemory = 2 << 30

// DefaultLimit returns half of the memory that this process may have, in bytes.
func DefaultLimit() int {
	most := int64(unknownMemory)
	limit := min(debug.SetMemoryLimit(-1), systemMemory(os.ReadFile))
	if limit < math.MaxInt64 {
		most = limit
	}
	return int(min(most/2, math.MaxInt))
}

// systemMemory returns the memory of the machine, or the bound of this process's control group if that is less, in
// bytes. It returns math.MaxInt64 if neither is known. It reads files with read.
func systemMemory(read func(name string) ([]byte, error)) int64 {
	least := int64(math.MaxInt64)
	see := func(text string, unit int64) {
		if n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64); err == nil && n > 0 && n < math.MaxInt64/unit {
			least = min(least, n*unit)
		}
	}
	if b, err := read("/proc/meminfo"); err == nil {
		for line := range strings.Lines(string(b)) {
			if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
				see(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 1<<10)
			}
		}
	}
	groups, _ := read("/proc/self/cgroup") //nolint:errcheck // then there is none
	for line := range strings.Lines(string(groups)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) < 3 {
			continue
		}
		root, file := "/sys/fs/cgroup", "memory.max"
		switch {
		case parts[1] == "memory": // version 1
			root, file = root+"/memory", "memory.limit_in_bytes"
		case parts[1] != "":
			continue
		}
		for dir := path.Join("/", parts[2]); ; dir = path.Dir(dir) { // a group is bounded by its parents too
			if b, err := read(root + path.Join(dir, file)); err == nil {
				see(string(b), 1)
			}
			if dir == "/" {
				break
			}
		}
	}
	return least
}
