package core

import (
	"context"
	"strconv"
)

// A gate counts who has come, before anybody has said who it is. It is guarded by
// Server.mu.
type gate struct {
	places  map[uint64]addrKey            // of each who has a place, by the key of its stream
	perAddr map[addrKey]int               // those that are counted
	shakes  int                           // handshakes under way
	asking  map[uint64]context.CancelFunc // of each whom Authorize decides about
}

// takePlaceLocked gives a newcomer a place, or says why there is none. Whoever got one gives
// it back with freePlace, and ends its handshake with endShake.
func (s *Server) takePlaceLocked(key uint64, from addrKey) *Error {
	g := &s.gate
	switch {
	case s.opts.MaxConns > 0 && s.open.Load() >= int64(s.opts.MaxConns):
		return NewError(CodeTooManyConns, "the server has "+strconv.Itoa(s.opts.MaxConns)+" connections")
	case s.opts.MaxHandshakes > 0 && g.shakes >= s.opts.MaxHandshakes:
		return NewError(CodeTooManyConns, strconv.Itoa(g.shakes)+" newcomers are being welcomed")
	case from.counts && g.perAddr[from] >= s.addrLimits.max:
		return NewError(CodeTooManyConns, "the server has "+strconv.Itoa(s.addrLimits.max)+" connections from this address")
	}
	if from.counts {
		g.perAddr[from]++
	}
	g.places[key] = from
	g.shakes++
	s.open.Add(1)
	return nil
}

// freePlace gives a place back, once however often it is called.
func (s *Server) freePlace(key uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	g := &s.gate
	from, ok := g.places[key]
	if !ok {
		return
	}
	delete(g.places, key)
	s.open.Add(-1)
	if g.perAddr[from]--; g.perAddr[from] <= 0 {
		delete(g.perAddr, from)
	}
}

// leavePlace gives a connection's place back.
func (s *Server) leavePlace(c *Conn) {
	s.mu.Lock()
	key := c.place
	c.place = 0 // no stream has that key
	s.mu.Unlock()
	s.freePlace(key)
}

// endShake notes that one who had a place is no longer shaking hands.
func (s *Server) endShake() {
	s.mu.Lock()
	s.gate.shakes--
	s.mu.Unlock()
}
