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
// register handlers, then call [Server.Serve] once for each listener. All methods are safe for concurrent use, except
// the methods that register something.
type Server struct {
	handlers
	opts     ServerOptions
	eng      *engine
	limits   admit.Limits
	gate     *admit.Gate
	budget   *budget.Budget      // nil without a bound on memory
	reserved map[string]struct{} // names that no client may take, folded
	freezing sync.Once           // freezes the handlers, in the first Serve

	onJoin    func(c *Conn)
	onLeave   func(c *Conn, why error)
	onSuspend func(c *Conn, why error)
	onResume  func(c *Conn)
	clusterHooks

	roster *roster.Roster[*Conn] // the clients, by name, group and so on
	store  *history.Store        // the messages that groups keep; nil if none are kept
	shared *sharedHistory        // what keeps them outside of this server; nil if nothing does

	cluster *cluster // the other servers; nil if the server is alone

	lastID    atomic.Uint64  // the id of the newest connection
	farewells atomic.Uint64  // how many clients a Shutdown has told when to come back
	laters    atomic.Uint64  // how many newcomers were refused and told when to come back
	conns     sync.WaitGroup // one for each arrival or its connection, and one for each Serve

	relinking lock.Mutex[lock.Relinking] // held over the resume of a connection; taken before a connection's transition

	mu        lock.Mutex[lock.Server] // guards the fields below; no other lock of this module is taken under it
	serving   bool                    // the sweeper runs
	closing   bool                    // a Shutdown has begun
	listeners map[uint64]transport.Listener
	shaking   map[uint64]*arrival // streams that are not connections yet
	lastKey   uint64              // the newest key in listeners and shaking

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
	s.cluster = newCluster(s, s.opts.Cluster)
	s.shared = newSharedHistory(s, s.opts.History)
	return s, nil
}

// OnJoin registers a function that runs when a client has joined, before the client's first command is handled and
// before other clients are told. Nothing that is sent to the client arrives before what f sends to it.
func (s *Server) OnJoin(f func(c *Conn)) {
	s.mustBeOpen()
	needFunc("OnJoin", f == nil)
	s.onJoin = f
}

// OnLeave registers a function that runs once for each client that had joined, when its connection has ended and
// its handlers have returned, before other clients are told. Nothing can be sent to the client any more, but its
// name, groups and address can be read. why is an [Error]: [CodeClosed] if one
// side closed the connection in order, [CodeConnLost] if the stream broke off.
func (s *Server) OnLeave(f func(c *Conn, why error)) {
	s.mustBeOpen()
	needFunc("OnLeave", f == nil)
	s.onLeave = f
}

// ListenAddrs returns the addresses that the server listens on, sorted: one for each Serve that
// is running. If a listener was given port 0, the address has the real port.
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

// Len is the number of clients, suspended ones included.
func (s *Server) Len() int { return s.roster.Len() }

// Client returns the client with exactly that name. Suspended clients count only if all clients of the name are
// suspended. It fails with [CodeUnknownClient] if no client has
// the name, and with [CodeAmbiguousName] if several have it; see [Access.UniqueNames].
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

// present returns the connections that are not suspended at this moment, or all of them if all are suspended.
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
	s.cluster.left(c, groups)
	if !s.replays() {
		return
	}
	for _, g := range groups {
		s.store.Gone(g)
		if s.shared != nil {
			s.shared.gone(g, c)
		}
	}
}

// mayWait marks the admission slot of a connection as suspended. It reports false if the connection has no slot.
func (s *Server) mayWait(c *Conn) bool { return s.gate.Suspend(c.atServer.slot) }

// waited notes that a suspended connection has ended. It keeps its slot until it is closed.
func (s *Server) waited(c *Conn) { s.gate.Leave(c.atServer.slot) }

// noticesFit queues notices that waited for room in the queue.
func (s *Server) noticesFit(c *Conn) { c.moreNotices() }

// closed runs the leave handler, and frees what the server has reserved for the connection.
func (s *Server) closed(c *Conn) {
	defer s.conns.Done()
	defer s.eng.log.leave(c)
	if !c.atServer.entered { // it has been dismissed, and nothing is reserved for it
		return
	}
	s.gate.Free(c.atServer.slot)
	s.budget.Sub(connCost)
	s.eng.sweep.remove(c)
	defer s.unclaim(nil, c.User())
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

// Lookup returns the client at an address, "ip:port" as [Conn.Addr] returns it. It fails with
// [CodeUnknownClient] if there is no such client, with [CodeBadName] if addr is not an address, and with
// [CodeAmbiguousName] if several clients have it, as behind a proxy that tells no port.
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

// Filter returns the clients for which keep reports true, among the clients that are connected when the
// iteration begins, in no order. If keep is nil it returns all of them. keep runs during the iteration, with no lock
// held.
func (s *Server) Filter(keep func(c *Conn) bool) iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		each(s.roster.All(), func(c *Conn) bool { return keep != nil && !keep(c) || yield(c) })
	}
}

// Names returns the names of the clients, sorted, each once.
func (s *Server) Names() []string { return s.roster.Names() }

// Groups returns the names of the groups that have a member, sorted.
func (s *Server) Groups() []string { return s.roster.Groups() }

// Addrs returns the addresses of the clients, as [Conn.Addr] returns them, sorted, each once. For the addresses
// that the server itself listens on see [Server.ListenAddrs].
func (s *Server) Addrs() []string { return s.roster.Addrs() }

// DisconnectAll ends all connections in order, each as [Conn.CloseWith] does; nil means
// [CodeClosed]. None of these clients is told that the others leave. New clients are still accepted.
func (s *Server) DisconnectAll(why *Error) {
	all := s.roster.All()
	for _, c := range all {
		s.deafen(c)
	}
	for _, c := range all {
		c.closeWith(why)
	}
}

// Update runs the handlers of messages that have come since the last Update, on the calling goroutine, and
// returns how many it has run. It does not wait for messages. Once it has run for budget it begins no other handler,
// and leaves the rest to the next Update; zero or less means no bound. It runs at least one handler
// if there is a message. The clients take turns, one message each, and the next Update goes on with the client
// whose turn is next: a client that sends much does not keep others waiting.
//
// Update panics without [ServerOptions.Manual]. While Run, Shutdown or another Update runs
// handlers, Update does nothing and returns 0, also if a handler calls it.
func (s *Server) Update(budget time.Duration) (n int) {
	if s.eng.manual == nil {
		panic(notManual)
	}
	return s.eng.manual.run(budget)
}

// Run runs handlers on the calling goroutine as messages come, until ctx ends, whose error it
// returns, or the server has been shut down. It is Update in a loop that waits, and panics
// without [ServerOptions.Manual] too.
func (s *Server) Run(ctx context.Context) error {
	if s.eng.manual == nil {
		panic(notManual)
	}
	return s.eng.manual.runUntil(given(ctx), s.stopped)
}
