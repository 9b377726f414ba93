package core

import (
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/outbox"
)

// connCost is how much each connection counts for the memory limit, in bytes, beside what its queues hold: its
// goroutine, its Conn and so on.
const connCost = 8 << 10

// relievePause is the least time between two looks of keepWithin if the limit seems to be exceeded and no connection has
// to be ended: connections that were ended have not let go of their memory yet, or more was counted during the look.
// Looking takes at most a twentieth of the time.
const relievePause = 5 * time.Millisecond

// keepWithin ends connections whenever all connections together hold too much, until the server has ended.
func (s *Server) keepWithin() {
	for {
		select {
		case <-s.budget.Over():
		case <-s.unserved:
			return
		}
		for s.budget.IsOver() {
			begin := time.Now()
			if s.relieve(s.weigh()) {
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

// A load is the memory of one connection.
type load struct {
	c     *Conn
	bytes int  // held, with the blocks that it shares with others
	away  bool // the connection is suspended
	ended bool // the connection has ended and is not closed yet
}

// weigh adds up the memory of all connections, and counts a block that several queues share once. It returns the load
// of each connection, and how many bytes have to be freed.
func (s *Server) weigh() (loads []load, excess int) {
	look := s.budget.Look()
	seen := make(map[*outbox.Block]struct{})
	held := 0
	for _, c := range s.eng.sweep.conns() {
		own, shared, first := c.out.Weigh(seen)
		own += c.holds()
		held += connCost + own + first
		loads = append(loads, load{c: c, bytes: own + shared, away: c.Suspended(), ended: c.isEnded()})
	}
	if s.store != nil {
		held += s.store.Held()
	}
	return loads, s.budget.Weighed(look, held)
}

// relieve ends the connections that hold most, suspended ones first, until excess bytes may be freed. Shared blocks may
// not be: they are freed only with the last connection that holds them. It reports whether it has ended any connection.
func (s *Server) relieve(loads []load, excess int) bool {
	slices.SortFunc(loads, func(a, b load) int {
		switch {
		case a.away && !b.away:
			return -1
		case b.away && !a.away:
			return 1
		}
		return b.bytes - a.bytes
	})
	for _, l := range loads {
		if l.ended {
			excess -= l.bytes
		}
	}
	ended := 0
	for _, l := range loads {
		if excess <= 0 {
			break
		}
		if l.ended || l.bytes <= 0 {
			continue
		}
		excess -= l.bytes
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

// unload ends a connection that holds too much.
func (s *Server) unload(l load) {
	if l.away {
		s.eng.counters.givenUp.Add(1)
		endAway(l.c, errOverloaded)
		return
	}
	if !l.c.life.tryEnter() {
		return
	}
	s.eng.counters.tooMuch.Add(1)
	l.c.endWith(s.later(NewError(errOverloaded.Code, errOverloaded.Message)))
	go l.c.exit() // which may run the leave handler
}

var errOverloaded = &Error{Code: CodeOverloaded, Message: "all connections of the server together hold as much as they may"}

// holds returns how many bytes the connection holds outside its queue.
func (c *Conn) holds() int {
	n := c.turn.Bytes()
	n += c.beside.Bytes()
	n += c.legacy.held()
	if t := c.streams.Load(); hasBudget && t != nil {
		n += t.Held()
	}
	return n + int(c.progress.partial.Load())
}

// uncount gives back what the connection counts for the memory limit. Nothing of the connection runs any more.
func (c *Conn) uncount() {
	if !hasBudget {
		return
	}
	c.out.Uncount()
	c.turn.Uncount()
	if t := c.streams.Load(); t != nil {
		t.Uncount()
	}
}
