package measure

import (
	"fmt"
	"net/rpc"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/hisock/hisock/core"
)

// A scene is a set of processes. The first fault stays: what is done after it does nothing.
type scene struct {
	command []string // starts a worker
	tries   int      // how often a cost is measured
	dir     string   // what its processes put on the disk
	parts   []*part

	mu  sync.Mutex // guards err while processes are used side by side
	err error
}

// A part is a process of a scene.
type part struct {
	s      *scene
	cmd    *exec.Cmd
	client *rpc.Client

	node     bool   // it has a server that is a node
	got      int64  // what its clients had received before the work began
	received uint64 // what the node had received
}

// part starts a process.
func (s *scene) part() *part {
	p := &part{s: s}
	if s.err != nil {
		return p
	}
	if s.dir == "" {
		var err error
		s.dir, err = os.MkdirTemp("", "scaling-*")
		s.note(err)
	}
	p.cmd = exec.Command(s.command[0], s.command[1:]...)
	p.cmd.Stderr = os.Stderr
	p.cmd.Env = append(os.Environ(), "HISOCK_SCALING_WORKER=1", "TMPDIR="+s.dir)
	in, err := p.cmd.StdinPipe()
	s.note(err)
	out, err := p.cmd.StdoutPipe()
	s.note(err)
	s.note(p.cmd.Start())
	if s.err == nil {
		p.client = rpc.NewClient(stdio{out, in})
		s.parts = append(s.parts, p)
	}
	return p
}

func (s *scene) note(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
	}
}

func (s *scene) failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err != nil
}

// end ends all processes, and returns the first fault. What the last process has may be needed by others, so it ends first.
func (s *scene) end() error {
	for i := len(s.parts) - 1; i >= 0; i-- {
		s.parts[i].client.Close()     //nolint:errcheck // it ends with its input
		s.parts[i].cmd.Process.Kill() //nolint:errcheck // it has ended
		s.parts[i].cmd.Wait()         //nolint:errcheck // it was killed
	}
	if s.dir != "" {
		s.note(os.RemoveAll(s.dir))
	}
	return s.err
}

// call has a process do something.
func call[T any](p *part, method string, arg any) (reply T) {
	if p.s.failed() {
		return reply
	}
	if err := p.client.Call("Worker."+method, arg, &reply); err != nil {
		p.s.note(fmt.Errorf("%s: %w", method, err))
	}
	return reply
}

func (p *part) usage(collect bool) Usage { return call[Usage](p, "Usage", collect) }

// settle waits until a process does nothing more: until it uses less than 8 % of a processor in three looks one after the other; a look takes some. A process that does not get a
// processor looks the same, so whoever knows how much there is to do waits for that first.
func (p *part) settle() {
	const look = 15 * time.Millisecond
	quiet := 0
	for begun := time.Now(); time.Since(begun) < patience; {
		before := p.usage(false).CPU
		time.Sleep(look)
		if quiet++; p.usage(false).CPU-before >= look*8/100 {
			quiet = 0
		}
		if p.s.failed() || quiet == 3 {
			return
		}
	}
	p.s.note(fmt.Errorf("a process does not come to rest"))
}

// settle waits until all of these processes do nothing more.
func settle(parts []*part) {
	var all sync.WaitGroup
	for _, p := range parts {
		all.Go(p.settle)
	}
	all.Wait()
}

// heard waits until the clients or sinks of a process have received n messages more than before the work began.
func (p *part) heard(n int) {
	p.s.await(func() bool { return p.usage(false).Got >= p.got+int64(n) })
}

// relayed waits until a node has received n messages of others more than before the work began.
func (p *part) relayed(n int) {
	p.s.await(func() bool { return call[core.RelayStats](p, "Relayed", true).Received >= p.received+uint64(n) })
}

func (s *scene) await(done func() bool) {
	for begun := time.Now(); !s.failed() && !done(); time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > patience {
			s.note(fmt.Errorf("what was sent does not come"))
		}
	}
}

// during has something done, waits until these processes have come to rest, and returns the least that each of them has used for it.
func (s *scene) during(do func(), parts ...*part) []Usage {
	used := make([]Usage, len(parts))
	for try := range s.tries {
		for i, u := range s.once(do, parts...) {
			if try == 0 || u.CPU < used[i].CPU {
				used[i] = u
			}
		}
	}
	return used
}

// once is during without the repetition.
func (s *scene) once(do func(), parts ...*part) []Usage {
	before := make([]Usage, len(parts))
	settle(parts)
	for _, p := range s.parts {
		p.got = p.usage(false).Got
		if p.node {
			p.received = call[core.RelayStats](p, "Relayed", true).Received
		}
	}
	for i, p := range parts {
		before[i] = p.usage(false)
	}
	do()
	settle(parts)
	used := make([]Usage, len(parts))
	for i, p := range parts {
		after := p.usage(false)
		used[i] = Usage{CPU: after.CPU - before[i].CPU, Writes: after.Writes - before[i].Writes, Got: after.Got - before[i].Got}
	}
	return used
}
