// Package serve has the servers of the benchmark, one file for each contestant. All do the same
// things. They send messages of an echo connection back. They send a message of a sending
// connection to every member of its group; the first four bytes of the message are the name of the group.
package serve

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/hisock/hisock/examples/bench/proc"
)

// maxMessage is the size of the largest message, in bytes.
const maxMessage = 64 << 10

// queueLen is the length of a connection's queue, in messages, for servers that need such a number. No work has as
// many messages in flight, so nothing is dropped.
const queueLen = 2048

// A starter starts a server on a free port of this machine and returns its address. The server runs
// until the process ends.
type starter func() (addr string, err error)

var starters = map[string]starter{
	"floor":        startFloor(writeAll),
	"floor-singly": startFloor(writeEach),
	"hisock/tcp":   startHisockTCP,
	"hisock/ws":    startHisockWS,
	"gorilla":      startGorilla,
	"nhooyr":       startNhooyr,
	"gws":          startGWS,
	"gobwas":       startGobwas,
	"melody":       startMelody,
	"centrifuge":   startCentrifuge,
	"nats":         startNATS,
	"grpc":         startGRPC,
	"commands/tcp": startHisockTCP,
	"commands/ws":  startHisockWS,

	"page/hisock":     startPageHisock,
	"page/hand":       startPageHand,
	"page/centrifuge": startPageCentrifuge,
	"page/nats":       startPageNATS,
}

// Names returns the names of the servers in this program.
func Names() []string {
	var names []string
	for name := range starters {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// nodeStarters start the servers of clusters. Behind "@" their names have the address of NATS, or for NATS the directory
// for its files.
var nodeStarters = map[string]func(with string) (addr string, err error){
	"cluster/broker":     startBroker,
	"cluster/floor":      startFloorNode,
	"cluster/hisock/tcp": startHisockTCPNode,
	"cluster/hisock/ws":  startHisockWSNode,
	"cluster/centrifuge": startCentrifugeNode,
}

// Run runs a server until in ends. It writes the address as a line to out, and then a line for each
// line it reads:
//
//	cpu     processor time used so far, in nanoseconds
//	memory  bytes of heap and stacks, and bytes resident, after a garbage collection
//	idle    bytes resident after a garbage collection; peak counts from now on
//	peak    bytes resident at most
//
// If profile names a directory, a profile of processor time is written there.
func Run(name, profile string, in io.Reader, out io.Writer) error {
	start := starters[name]
	if of, with, ok := strings.Cut(name, "@"); ok && nodeStarters[of] != nil {
		start = func() (string, error) { return nodeStarters[of](with) }
	}
	if start == nil {
		return fmt.Errorf("serve: no contestant %q", name)
	}
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err == nil {
		l.Cur = l.Max
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
			return err
		}
	}
	addr, err := start()
	if err != nil {
		return fmt.Errorf("serve: %s: %w", name, err)
	}
	if profile != "" {
		stop, err := startProfile(profile, name)
		if err != nil {
			return err
		}
		defer stop()
	}
	if _, err := fmt.Fprintln(out, addr); err != nil {
		return err
	}
	return answer(in, out)
}

func answer(in io.Reader, out io.Writer) error {
	for lines := bufio.NewScanner(in); lines.Scan(); {
		var err error
		switch line := lines.Text(); line {
		case "cpu":
			_, err = fmt.Fprintln(out, int64(cpuTime()))
		case "memory":
			_, err = fmt.Fprintln(out, heapAndStacks(), resident())
		case "idle":
			_, err = fmt.Fprintln(out, proc.Idle())
		case "peak":
			_, err = fmt.Fprintln(out, proc.Peak())
		default:
			err = fmt.Errorf("serve: asked for %q", line)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func heapAndStacks() uint64 {
	runtime.GC() // finalizers and pools may keep garbage over the first collection
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

// resident returns the resident memory of this process in bytes, or 0 if the system has no /proc.
func resident() (bytes uint64) {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var size, pages uint64
	if _, err := fmt.Sscan(string(b), &size, &pages); err != nil {
		return 0
	}
	return pages * uint64(os.Getpagesize())
}

func startProfile(dir, name string) (stop func(), err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	name = fmt.Sprintf("%s-%d.pprof", strings.ReplaceAll(name, "/", "-"), os.Getpid())
	f, err := os.Create(filepath.Join(dir, name))
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() { pprof.StopCPUProfile(); f.Close() }, nil
}

func listen() (net.Listener, error) { return net.Listen("tcp", "127.0.0.1:0") }
