package serve

import (
	"bytes"
	"strconv"
	"strings"
	"sync"
)

// groupLen is the length of a group's name, in bytes.
const groupLen = 4

// A groups has the members of each group, for libraries without groups. A list that
// was returned is never changed, so a send needs no lock.
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

// A job is the role of a connection, from its first message or its path.
type job struct {
	echo  bool
	group string // group of a receiver
	items int    // bytes of the items that it is sent
	bytes int64  // bytes that it is sent
}

func parseJob(name string) job {
	name = strings.TrimPrefix(name, "/")
	group, receives := strings.CutPrefix(name, "recv/")
	if receives {
		return job{group: group}
	}
	if size, ok := strings.CutPrefix(name, "items/"); ok {
		n, _ := strconv.Atoi(size)
		return job{items: n}
	}
	if size, ok := strings.CutPrefix(name, "bytes/"); ok {
		n, _ := strconv.ParseInt(size, 10, 64)
		return job{bytes: n}
	}
	return job{echo: name == "echo"}
}

// ready is the first message of a server, once the connection is in its group.
var ready = []byte("ready")

// clone copies a message for libraries that keep the bytes that they are given.
func clone(message []byte) []byte { return bytes.Clone(message) }
