package core

import (
	"slices"
	"time"
)

// connCost is what a connection counts for beside what waits for it, in bytes: its goroutine and
// what describes it.
const connCost = 8 << 10

// relievePause is how long keepWithin waits at least when those who have been ended are not gone
// yet, or nobody is left who could be ended. It takes a twentieth of the time at most.
const relievePause = 5 * time.Millisecond

// keepWithin makes room whenever connections hold too much together, until the server has ended.
func (s *Server) keepWithin() {
	for {
		select {
		case <-s.budget.Over():
		case <-s.unserved:
			return
		}
		for s.budget.IsOver() {
			begin := time.Now()
			if s.weigh(); !s.budget.IsOver() || s.relieve() {
				continue
			}
			select {
			case <-time.After(max(relievePause, 20*time.Since(begin))):
			case <-s.unserved:
				return
			}
		}
	}
}

// weigh finds how much is counted more than once: frames that several queues share.
func (s *Server) weigh() {
	seen := make(map[*block]struct{})
	twice := 0
	for _, c := range s.eng.sweep.conns() {
		c.out.mu.Lock()
		if c.out.mem.IsCounted() {
			for _, k := range c.out.log[c.out.head:] {
				if k == nil || k.owned {
					continue
				}
				if _, ok := seen[k]; ok {
					twice += k.weight()
				}
				seen[k] = struct{}{}
			}
		}
		c.out.mu.Unlock()
	}
	s.budget.Weighed(twice)
}

// A load is what a connection holds.
type load struct {
	c     *Conn
	bytes int
	away  bool
}

// relieve ends those who hold most, first of those who are away, until it may be enough: what they
// share with others is freed only with the last of them. It reports whether there was anybody.
func (s *Server) relieve() bool {
	var loads []load
	left := s.budget.Excess()
	for _, c := range s.eng.sweep.conns() {
		switch n := c.holds(); {
		case c.isEnded():
			left -= n // it is on its way
		case n > 0:
			loads = append(loads, load{c, n, c.Suspended()})
		}
	}
	slices.SortFunc(loads, func(a, b load) int {
		switch {
		case a.away && !b.away:
			return -1
		case b.away && !a.away:
			return 1
		}
		return b.bytes - a.bytes
	})
	ended := 0
	for _, l := range loads {
		if left <= 0 {
			break
		}
		left -= l.bytes
		s.unload(l)
		ended++
	}
	if ended == 0 {
		return false
	}
	s.eng.log.warn(nil, "connections are ended, since all together hold too much", nil,
		"ended", ended, "bytes", s.budget.Held(), "limit", s.budget.Limit())
	return true
}

// unload ends one that holds too much.
func (s *Server) unload(l load) {
	if l.away {
		s.eng.counters.givenUp.Add(1)
		endAway(l.c, errOverloaded)
		return
	}
	if !l.c.hold() {
		return
	}
	s.eng.counters.tooMuch.Add(1)
	l.c.endWith(s.later(NewError(errOverloaded.Code, errOverloaded.Message)))
	go l.c.exit() // which may run the leave handler
}

var errOverloaded = NewError(CodeOverloaded, "all connections of the server together hold as much as they may")

// holds returns how many bytes would be freed if the connection ended, if it shares none.
func (c *Conn) holds() int {
	c.out.mu.Lock()
	n := c.out.mem.Held()
	c.out.mu.Unlock()
	c.inbox.mu.Lock()
	n += c.inbox.mem.Held()
	c.inbox.mu.Unlock()
	c.raw.mu.Lock()
	n += c.raw.mem.Held()
	c.raw.mu.Unlock()
	c.copies.mu.Lock()
	n += c.copies.mem.Held()
	c.copies.mu.Unlock()
	return n + int(c.partial.Load())
}
