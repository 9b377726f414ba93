package core

import (
	"context"
	"maps"
	"slices"
	"time"
)

// cutTime is how long a Shutdown waits for goroutines to end after it has cut the connections that were left.
const cutTime = 250 * time.Millisecond

// Shutdown ends the server. It stops listening and handles no frame that comes from then on. It lets
// handlers that run come to their end, and handles the frames that have been read before. Then it says goodbye to
// every client, writes the queues, and waits until every connection has ended, its handlers have returned and
// its leave handler has run. All connections are closed side by side, each as soon as its own
// handlers have returned: until then the handlers can send, call and answer. Calls that come
// meanwhile fail with [CodeShutdown]. The goodbyes tell clients when to come back, each at
// another time: see [Timeouts.RestartAfter].
//
// In a cluster the sessions of clients are handed over to other nodes first, within half of the time that ctx leaves: the streams of
// these clients are cut without a goodbye, and they go on with their sessions at other nodes; see docs/cluster.md. What follows is about the clients that are left.
//
// Handlers have [Timeouts.Drain], or three quarters of the time that ctx leaves if that
// is less; then their contexts end. If ctx ends first, the connections that are left are cut, and Shutdown returns the
// error of ctx; from then on only handlers that ignore the end of their context still run. Shutdown may be called
// again to wait longer. A handler that calls it waits for itself, until ctx ends. With
// [ServerOptions.Manual] Shutdown runs the handlers that are left, so that no call of Update is needed; while Run or
// Update runs, it leaves them to that call.
func (s *Server) Shutdown(ctx context.Context) error {
	ctx = given(ctx)
	ended := s.stop()
	s.cluster.handOver(ctx)
	s.drain(ctx)
	if s.eng.manual.await(ctx, ended) == nil {
		return nil
	}
	s.cut(ctx.Err())
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), cutTime)
	defer cancel()
	s.eng.manual.await(last, ended) //nolint:errcheck // Shutdown fails with the error of ctx anyway
	return ctx.Err()
}

// Done returns a channel that is closed when [Server.Shutdown] has been called and nothing of the server runs any more:
// no listener, connection or handler.
func (s *Server) Done() <-chan struct{} { return s.stopped }

// cut closes the streams of all newcomers and connections that are left.
func (s *Server) cut(why error) {
	for _, ar := range s.arrivals() {
		ar.stream.Close() //nolint:errcheck // it is being cut
		s.giveUp(ar)
	}
	for _, c := range s.eng.sweep.conns() {
		c.cut(why)
	}
}

// stop closes the listeners and hurries newcomers. It returns a channel that is closed when nothing of the
// server runs any more.
func (s *Server) stop() <-chan struct{} {
	s.mu.Lock()
	first := !s.closing
	s.closing = true
	listeners := slices.Collect(maps.Values(s.listeners))
	s.mu.Unlock()
	if !first {
		return s.stopped
	}
	s.roster.Close()
	close(s.stopping)
	s.cluster.hurry()
	for _, l := range listeners {
		l.Close() //nolint:errcheck // nothing to be done about it
	}
	for _, ar := range s.arrivals() {
		s.hurry(ar)
	}
	s.cluster.holdUp()
	go func() {
		s.conns.Wait()
		s.shared.stop()
		s.cluster.stop()
		if s.serving { // nobody sets it after closing
			s.eng.sweep.close()
			close(s.unserved)
		}
		s.eng.log.end()
		close(s.stopped)
	}()
	return s.stopped
}

// Clients are told to come back at times that are farewellStep apart, within farewellSpread.
const (
	farewellStep   = 2 * time.Millisecond
	farewellSpread = time.Minute
)

// drain says goodbye to each client as soon as none of its handlers runs or waits for its turn. It
// returns when it has said goodbye to all clients, at the latest when the time for handlers is over.
func (s *Server) drain(ctx context.Context) {
	s.eng.draining.Store(true) // before the first look at a turn; see comesTooLate
	patience := s.opts.Timeouts.Drain
	if deadline, ok := ctx.Deadline(); ok {
		// The last quarter is for handlers that heed the end of their context, and for goodbyes.
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

// A leaver is a client to which drain has not said goodbye yet.
type leaver struct {
	c      *Conn
	writes uint64    // writes that had returned at the last look
	since  time.Time // when the last progress of writing was seen
}

// mayGo reports whether there is nothing to wait for: no handler runs or waits for its turn, or nothing could be written
// to the client for the close timeout.
func (l *leaver) mayGo(now time.Time) bool {
	c := l.c
	if c.isEnded() || c.isQuiet() {
		return true
	}
	if writing, writes := c.out.Writing(); !writing || writes != l.writes || l.since.IsZero() {
		l.writes, l.since = writes, now
	}
	return now.Sub(l.since) >= c.eng.closeTimeout
}

// farewell returns the goodbye for the next client. Each client is told another time to come back.
func (s *Server) farewell() *Error {
	e := *errShuttingDown
	if s.opts.Timeouts.RestartAfter > 0 {
		const laps = uint64(farewellSpread / farewellStep)
		i := s.farewells.Add(1) - 1
		e.RetryAfter = s.opts.Timeouts.RestartAfter + time.Duration(i%laps)*farewellStep + time.Duration(i/laps%2)*time.Millisecond
	}
	return &e
}
