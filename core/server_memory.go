package core

import (
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/outbox"
)

// connCost is what a connection counts for beside what waits for it, in bytes: its goroutine and
// what describes it.
const connCost = 8 << 10

// relievePause is how long keepWithin waits at least when there seems to be too much and nobody has to
// go, since those who have been ended are not gone yet, or more was counted while it looked. Looking
// takes a twentieth of the time at most.
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

// A load is what a connection holds, with what it shares with others.
type load struct {
	c     *Conn
	bytes int
	away  bool // suspended
	ended bool // but not closed yet
}

// weigh adds up what connections hold, and counts once what several queues share. It returns what each
// connection holds, and how many bytes have to go.
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

// relieve ends the connections that hold most, suspended ones first, until that may be enough: what they
// share with others is freed only with the last of them. It reports whether it has ended any.
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
	return n + int(c.progress.partial.Load())
}

// uncount notes that the connection, of which nothing runs any more, holds nothing.
func (c *Conn) uncount() {
	if !hasBudget {
		return
	}
	c.out.Uncount()
	c.turn.Uncount()
}
