package core

import (
	"context"
	"time"
)

// farewellStep is how far apart clients are told to come back, farewellSpread over how much time
// they are spread.
const (
	farewellStep   = 2 * time.Millisecond
	farewellSpread = time.Minute
)

// drain says goodbye to each client as soon as none of its handlers runs or waits for its turn. It
// returns when that has been said to all, at the latest when the patience with
// handlers is over.
func (s *Server) drain(ctx context.Context) {
	s.eng.draining.Store(true) // before anybody's turn is looked at; see comesTooLate
	patience := s.opts.Timeouts.Drain
	if deadline, ok := ctx.Deadline(); ok {
		// What is left is for handlers that heed the end of their context, and for goodbyes.
		if d := time.Until(deadline) * 3 / 4; patience == 0 || d < patience {
			patience = max(d, 1)
		}
	}
	if patience > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
	}
	var left []*leaver
	for c := range s.Clients() {
		left = append(left, &leaver{c: c})
	}
	tick := time.NewTicker(handlerTick)
	defer tick.Stop()
	for {
		if s.eng.manual != nil && ctx.Err() == nil && s.eng.manual.run(0) > 0 {
			continue // handlers may cause more
		}
		kept := left[:0]
		for _, l := range left {
			if ctx.Err() == nil && !l.mayGo(time.Now()) {
				kept = append(kept, l)
			} else {
				l.c.closeWith(s.farewell())
			}
		}
		clear(left[len(kept):])
		left = kept
		if len(left) == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// A leaver is a client that has not been told goodbye.
type leaver struct {
	c      *Conn
	writes uint64 // when last looked
	since  time.Time
}

// mayGo reports whether there is nothing to wait for, be it that the client does not read what
// its handlers send.
func (l *leaver) mayGo(now time.Time) bool {
	c := l.c
	if c.isEnded() || c.isQuiet() {
		return true
	}
	c.out.mu.Lock()
	flushing := c.out.flushing
	c.out.mu.Unlock()
	if writes := c.writes.Load(); !flushing || writes != l.writes || l.since.IsZero() {
		l.writes, l.since = writes, now
	}
	return now.Sub(l.since) >= c.eng.closeTimeout
}

// farewell is what the next client is told when the server goes away: each is to come back at
// another time.
func (s *Server) farewell() *Error {
	e := *errShuttingDown
	if s.opts.Timeouts.RestartAfter > 0 {
		const laps = uint64(farewellSpread / farewellStep)
		i := s.farewells.Add(1) - 1
		e.RetryAfter = s.opts.Timeouts.RestartAfter + time.Duration(i%laps)*farewellStep + time.Duration(i/laps%2)*time.Millisecond
	}
	return &e
}
