package core

import (
	"context"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/roster"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/transport"
)

// A Server serves clients on any number of listeners at once. Make one with [NewServer],
// register handlers, then call [Server.Serve] once for each listener. All methods except
// those that register are safe for concurrent use.
type Server struct {
	handlers
	opts     ServerOptions
	eng      *engine
	limits   admit.Limits
	gate     *admit.Gate
	budget   *budget.Budget      // nil without a bound on memory
	reserved map[string]struct{} // names that no client may take, folded
	freezing sync.Once           // of handlers, by the first Serve

	onJoin    func(c *Conn)
	onLeave   func(c *Conn, why error)
	onSuspend func(c *Conn, why error)
	onResume  func(c *Conn)

	roster *roster.Roster[*Conn] // who is there, and finds them
	store  *history.Store        // what groups keep; nil: nothing

	lastID    atomic.Uint64  // of a connection
	farewells atomic.Uint64  // goodbyes with a time to come back, at a Shutdown
	laters    atomic.Uint64  // refusals with a time to come back, since nobody could decide or there was no room
	conns     sync.WaitGroup // one for each arrival or its connection, and each Serve

	relinking lock.Mutex[lock.Relinking] // held over the resume of a connection; taken before a connection's transition

	mu        lock.Mutex[lock.Server] // guards the fields below; no other lock of ours is taken under it
	serving   bool                    // the sweeper runs
	closing   bool                    // a Shutdown has begun
	listeners map[uint64]transport.Listener
	shaking   map[uint64]*arrival // streams that are not connections yet
	lastKey   uint64              // of listeners and shaking

	stopping chan struct{} // closed by the first Shutdown
	unserved chan struct{} // closed when no connection is left after a Shutdown
	stopped  chan struct{} // closed when nothing runs any more
}

// newServer is NewServer, which a browser build does not have.
func newServer(opts *ServerOptions) (*Server, error) {
	o, err := opts.resolve()
	if err != nil {
		return nil, err
	}
	s := &Server{
		opts:      o,
		stopping:  make(chan struct{}),
		stopped:   make(chan struct{}),
		unserved:  make(chan struct{}),
		listeners: make(map[uint64]transport.Listener),
		shaking:   make(map[uint64]*arrival),
	}
	s.limits = s.opts.places()
	s.gate = admit.New(s.limits)
	s.conv, s.maxCommand = s.opts.Codec, s.opts.Limits.MaxCommand
	s.roster = roster.New[*Conn](roster.Rules{
		UniqueNames:  s.opts.Access.UniqueNames,
		ConnsPerUser: s.opts.Limits.MaxConnsPerUser,
		MaxGroups:    s.opts.Limits.MaxGroups,
	})
	s.budget = budget.New(s.opts.Limits.MemoryBytes)
	s.store = newStore(s.opts.History, s.budget)
	s.reserved = foldNames(s.opts.Access.ReservedNames)
	cfg, counted := s.opts.config(), new(counters)
	s.eng = &engine{
		owner:    s,
		config:   cfg,
		handlers: &s.handlers,
		counters: counted,
		outboxes: outbox.Common{Budget: s.budget, Dropped: &counted.dropped},
		budget:   s.budget,
		manual:   newManualQueue(s.opts.Manual),
		sweep:    newSweeper(sweepPeriod(cfg.heartbeat, cfg.writeTimeout, s.opts.Timeouts.Frame, s.opts.Timeouts.Idle)),
	}
	return s, nil
}

// OnJoin registers what runs when a client has joined, before its first command and before
// others are told. What it sends to the client is the first the client gets.
func (s *Server) OnJoin(f func(c *Conn)) {
	s.mustBeOpen()
	needFunc("OnJoin", f == nil)
	s.onJoin = f
}

// OnLeave registers what runs once for each client that had joined, when it has gone and
// its handlers have returned, before others are told. It can no longer be sent to, but its
// name, groups and address are still there. why is an [Error]: [CodeClosed] when one
// side left in order, [CodeConnLost] when the stream broke off.
func (s *Server) OnLeave(f func(c *Conn, why error)) {
	s.mustBeOpen()
	needFunc("OnLeave", f == nil)
	s.onLeave = f
}

// ListenAddrs returns the addresses that the server listens on, sorted: one for each Serve that
// has begun and not ended, with the real port where the listener was given port 0.
func (s *Server) ListenAddrs() []string {
	s.mu.Lock()
	listeners := slices.Collect(maps.Values(s.listeners))
	s.mu.Unlock()
	addrs := make([]string, 0, len(listeners))
	for _, l := range listeners {
		addrs = append(addrs, l.Addr())
	}
	slices.Sort(addrs)
	return addrs
}

// Clients returns all clients that are connected when the iteration begins, in no order.
func (s *Server) Clients() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) { each(s.roster.All(), yield) }
}

// Len is how many clients there are.
func (s *Server) Len() int { return s.roster.Len() }

// Client returns the client with exactly that name. If several have it, those that are suspended
// count only if all are. It fails with [CodeUnknownClient] if nobody has
// it and with [CodeAmbiguousName] if several do; see [Access.UniqueNames].
func (s *Server) Client(name string) (*Conn, error) {
	conns := present(slices.Collect(s.Named(name).Clients()))
	switch len(conns) {
	case 0:
		return nil, NewError(CodeUnknownClient, "nobody is called "+safe.Text(name))
	case 1:
		return conns[0], nil
	}
	return nil, NewError(CodeAmbiguousName, strconv.Itoa(len(conns))+" clients are called "+safe.Text(name))
}

// present returns the connections that are not suspended at this moment, or all if each is.
func present(conns []*Conn) []*Conn {
	var here []*Conn
	for _, c := range conns {
		if !c.Suspended() {
			here = append(here, c)
		}
	}
	if len(here) == 0 {
		return conns
	}
	return here
}

// ended takes a connection that has ended out of the roster: nobody can send to it any more.
func (s *Server) ended(c *Conn) {
	s.deafen(c)
	groups := s.roster.Leave(c, &c.who)
	if !s.replays() {
		return
	}
	for _, g := range groups {
		s.store.Gone(g)
	}
}

// mayWait moves the admission slot of a connection that is to be suspended to those that wait.
func (s *Server) mayWait(c *Conn) bool { return s.gate.Suspend(c.atServer.slot) }

// waited notes that a suspended connection has ended, which keeps its slot until it is closed.
func (s *Server) waited(c *Conn) { s.gate.Leave(c.atServer.slot) }

// noticesFit lets go on what waits for room in the queue.
func (s *Server) noticesFit(c *Conn) { c.moreNotices() }

// closed runs when nothing of a connection runs any more.
func (s *Server) closed(c *Conn) {
	defer s.conns.Done()
	defer s.eng.log.leave(c)
	s.gate.Free(c.atServer.slot)
	s.budget.Sub(connCost)
	s.eng.sweep.remove(c)
	defer s.roster.Vacate(c, &c.who)
	defer s.leave(c) // which also releases the name, even if the leave handler ends its goroutine
	if c.atServer.joined {
		s.runLeave(c)
		s.eng.log.debug(c, "a client has left", c.reason())
	}
}

func (s *Server) runLeave(c *Conn) {
	if s.onLeave == nil {
		return
	}
	defer s.eng.recover(c, "leave")
	s.onLeave(c, c.Err())
}

// Lookup returns the client at an address, "ip:port" as [Conn.Addr] has it. It fails with
// [CodeUnknownClient] if there is none, with [CodeBadName] if that is no address, and with
// [CodeAmbiguousName] if several have come from it: behind a proxy that tells no port, for one.
func (s *Server) Lookup(addr string) (*Conn, error) {
	var found *Conn
	for c := range s.at(addr) {
		if found != nil {
			return nil, NewError(CodeAmbiguousName, "several clients are at "+safe.Text(addr))
		}
		found = c
	}
	switch {
	case found == nil && !admit.IsAddr(addr):
		return nil, NewError(CodeBadName, safe.Text(addr)+" is no address")
	case found == nil:
		return nil, NewError(CodeUnknownClient, "nobody is at "+safe.Text(addr))
	}
	return found, nil
}

func (s *Server) at(addr string) iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) { each(s.roster.At(addr), yield) }
}

// Filter returns the clients for which keep reports true, of those connected when the
// iteration begins, in no order. All of them if keep is nil.
func (s *Server) Filter(keep func(c *Conn) bool) iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		each(s.roster.All(), func(c *Conn) bool { return keep != nil && !keep(c) || yield(c) })
	}
}

// Names returns the names of the clients, sorted, each once. Clients without a name do not
// show.
func (s *Server) Names() []string { return s.roster.Names() }

// Groups returns the names of the groups that somebody is in, sorted.
func (s *Server) Groups() []string { return s.roster.Groups() }

// Addrs returns the addresses of the clients, as [Conn.Addr] has them, sorted, each once. Those
// that the server itself listens on are [Server.ListenAddrs].
func (s *Server) Addrs() []string { return s.roster.Addrs() }

// DisconnectAll ends all connections in order, each as [Conn.CloseWith] does; nil is
// [CodeClosed]. No client is told that another one of them has left. New ones are still accepted.
func (s *Server) DisconnectAll(why *Error) {
	all := s.roster.All()
	for _, c := range all {
		s.deafen(c)
	}
	for _, c := range all {
		c.closeWith(why)
	}
}

// Update runs the handlers for what has come since the last time, on the calling goroutine, and
// returns how many that were; it does not wait. It begins nothing more once it has run for budget, and
// leaves the rest to the next Update; zero or less is no bound. It runs at least one handler
// if there is something to handle. A client that sends much is no reason to keep others waiting: each has one
// message handled in its turn, and those who did not have theirs come first next time.
//
// Update needs [ServerOptions.Manual] and panics without. While Run, Shutdown or another Update runs
// handlers, also where one of these calls it, Update does nothing.
func (s *Server) Update(budget time.Duration) (n int) {
	if s.eng.manual == nil {
		panic(notManual)
	}
	return s.eng.manual.run(budget)
}

// Run runs handlers on the calling goroutine as things come, until ctx ends, whose error it
// returns, or the server has been shut down. It is Update in a loop that waits, and like that it panics
// without [ServerOptions.Manual].
func (s *Server) Run(ctx context.Context) error {
	if s.eng.manual == nil {
		panic(notManual)
	}
	return s.eng.manual.runUntil(given(ctx), s.stopped)
}
