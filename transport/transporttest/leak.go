package transporttest

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// Main runs the tests of a package, and fails if goroutines remain when the tests
// have ended. It is the body of a TestMain and does not return.
func Main(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if left := awaitGoroutines(nil, leakWait); len(left) > 0 {
			fmt.Fprintf(os.Stderr, "transporttest: %d goroutines left:\n\n%s\n", len(left), stacks(left))
			code = 1
		}
	}
	os.Exit(code)
}

// leakWait is the time in which goroutines must end after a test has ended.
const leakWait = 5 * time.Second

// Goroutines records the running goroutines. The function that it returns waits until all other
// goroutines have ended. If they do not end, the test fails with their stacks.
func Goroutines(t *testing.T) (check func()) {
	return goroutinesWithin(t, Patience)
}

func goroutinesWithin(t *testing.T, wait time.Duration) (check func()) {
	known := make(map[string]bool)
	for _, g := range goroutines() {
		known[g.id] = true
	}
	return func() {
		t.Helper()
		if left := awaitGoroutines(known, wait); len(left) > 0 {
			t.Errorf("%d goroutines left:\n\n%s", len(left), stacks(left))
		}
	}
}

// checkGoroutines makes the test fail if it leaves goroutines behind. It checks
// after all clean-ups that are registered later.
func checkGoroutines(t *testing.T) {
	t.Helper()
	t.Cleanup(goroutinesWithin(t, leakWait))
}

// awaitGoroutines waits until there are only known goroutines and goroutines of the
// test machinery. It returns the other goroutines if they do not end.
func awaitGoroutines(known map[string]bool, wait time.Duration) (left []goroutine) {
	self := currentGoroutine()
	for deadline := time.Now().Add(wait); ; time.Sleep(5 * time.Millisecond) {
		left = slices.DeleteFunc(goroutines(), func(g goroutine) bool {
			return g.id == self || known[g.id] || g.ofMachinery()
		})
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
	}
}

// A goroutine is one entry of [runtime.Stack].
type goroutine struct {
	id    string
	state string
	stack string
}

// machinery names functions of the testing package, of the runtime, and of the signal handling of a
// fuzz run. A goroutine with one of them anywhere in its stack does not count.
var machinery = []string{
	"testing.(*T).Run(",
	"testing.(*F).Fuzz(",
	"testing.runFuzzing(",
	"testing.runFuzzTests(",
	"internal/fuzz.",
	"os/signal.signal_recv(",
	"os/signal.loop(",
	"runtime.ReadTrace",
	"syscall/js.handleEvent(",
	"runtime.handleEvent(", // the same, between two events
}

func (g goroutine) ofMachinery() bool {
	return slices.ContainsFunc(machinery, func(name string) bool {
		return strings.Contains(g.stack, name)
	})
}

// blocked reports whether the goroutine waits for something other than the processor.
func (g goroutine) blocked() bool {
	state, _, _ := strings.Cut(g.state, ",")
	switch state {
	case "running", "runnable", "syscall", "copystack", "preempted":
		return false
	}
	return true
}

func goroutines() []goroutine {
	var gs []goroutine
	for entry := range strings.SplitSeq(allStacks(), "\n\n") {
		if g, ok := parseGoroutine(entry); ok {
			gs = append(gs, g)
		}
	}
	return gs
}

// parseGoroutine reads an entry that begins "goroutine 12 [IO wait, 2 minutes]:".
func parseGoroutine(entry string) (goroutine, bool) {
	head, ok := strings.CutPrefix(entry, "goroutine ")
	if !ok {
		return goroutine{}, false
	}
	id, rest, ok := strings.Cut(head, " ")
	if !ok {
		return goroutine{}, false
	}
	_, rest, _ = strings.Cut(rest, "[")
	state, _, _ := strings.Cut(rest, "]")
	return goroutine{id: id, state: state, stack: entry}, true
}

func currentGoroutine() string {
	buf := make([]byte, 128)
	g, _ := parseGoroutine(string(buf[:runtime.Stack(buf, false)]))
	return g.id
}

func allStacks() string {
	for size := 64 << 10; ; size *= 2 {
		buf := make([]byte, size)
		if n := runtime.Stack(buf, true); n < size {
			return string(buf[:n])
		}
	}
}

func stacks(gs []goroutine) string {
	var all []string
	for _, g := range gs {
		all = append(all, g.stack)
	}
	return strings.Join(all, "\n\n")
}
