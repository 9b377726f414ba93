package serve

import (
	"bytes"
	"strings"
	"sync"
)

// groupLen is how many bytes the name of a group has.
const groupLen = 4

// groups is what a program has to write where the library has none: who is in which. A list that
// was returned is never changed, so that sending holds no lock.
type groups[T comparable] struct {
	mu     sync.RWMutex // guards members
	member map[string][]T
}

func (g *groups[T]) join(name string, t T) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.member == nil {
		g.member = make(map[string][]T)
	}
	g.member[name] = append(g.member[name][:len(g.member[name]):len(g.member[name])], t)
}

func (g *groups[T]) leave(name string, t T) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var rest []T
	for _, m := range g.member[name] {
		if m != t {
			rest = append(rest, m)
		}
	}
	g.member[name] = rest
}

// of returns the members of the group that a message is for.
func (g *groups[T]) of(message []byte) []T {
	if len(message) < groupLen {
		return nil
	}
	g.mu.RLock()
	defer g.mu.RUnlock()
	return g.member[string(message[:groupLen])]
}

// A job is what a connection is for, as its first message or its path says.
type job struct {
	echo  bool
	group string // of one that receives
}

func parseJob(name string) job {
	name = strings.TrimPrefix(name, "/")
	group, receives := strings.CutPrefix(name, "recv/")
	if receives {
		return job{group: group}
	}
	return job{echo: name == "echo"}
}

// ready is what a server sends first, once the connection is where it belongs.
var ready = []byte("ready")

// clone is for libraries that keep what they are to send.
func clone(message []byte) []byte { return bytes.Clone(message) }
