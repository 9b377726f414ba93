package core

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/internal/beside"
	"github.com/hisock/hisock/core/internal/events"
	"github.com/hisock/hisock/core/internal/guard"
	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/notices"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/roster"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/internal/standstill"
	"github.com/hisock/hisock/core/internal/turn"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A Conn is a connection between a server and one of its clients, at either end: what a
// server calls its client, and what a client's handlers call the server.
// All methods are safe for concurrent use.
//
// How its goroutines share it:
//
//	reading    one goroutine at a time reads the stream, parses, and runs handlers; it is
//	           "handed over" when a handler takes long (internal/turn)
//	queue      anybody queues; one at a time writes: the reader at the end of
//	           its batch, or one of the writers (internal/outbox)
//	ending     the first reason wins; the last goroutine to leave finishes (conn_end.go)
type Conn struct {
	eng   *engine
	id    uint64
	guard *guard.Guard  // at a server, if there is something to watch
	who   roster.Member // the client: its name, user, address and groups
	sess  session.Session
	life  lifetime
	peer

	// transition is held while the session changes its state, and over what goes with it; see conn_session.go.
	transition lock.Mutex[lock.Transition]

	out     outbox.Outbox
	turn    turn.Turn    // who reads, and what waits for a handler
	reading              // owned by who reads
	calls   callTable    // calls to the peer
	serving servingTable // calls of the peer
	recv    recvTable
	waits   standstill.Table // of handlers, for answers
	beside  beside.Handlers  // concurrent handlers
	events  events.Line      // see conn_run.go

	progress progress
	watch    watch // the sweeper's own notes
	lines    lines // of the log

	values   attachments
	atServer serverPart
	atClient clientPart
}

// A peer is what a connection knows of the other end. It does not change once others know the
// connection.
type peer struct {
	maxFrame   int         // what it reads, in bytes
	maxCommand int         // the longest name of a command that it takes, in bytes
	legacy     *legacyPeer // nil for a native peer
	can        caps
	server     bool // this end is a server, and the peer its client
	detour     bool // what is sent to it meets middleware, or is not native
}

// A reading is what the goroutine owns that reads. It passes with the turn.
type reading struct {
	rd       *reader
	share    share
	judged   time.Time                       // when a claim of the peer was looked at
	past     int                             // bytes that came after the end
	breaks   []*events.Event                 // the last that tell of a link that broke off
	replayed atomic.Pointer[context.Context] // of handlers of what is replayed; nil before anything is
}

// A serverPart is what a server keeps with the connection of a client.
type serverPart struct {
	slot     *admit.Slot // it does not change once others know the connection
	auth     []byte      // as the hello had them
	metadata map[string]string
	joined   bool          // the leave handler is to run; set before anything else of the client is handled
	changes  *guard.Rate   // of what the client asks for, once it has; whoever has the turn owns this
	marks    history.Marks // how far the client has followed the groups that it has left

	announced announcement // what others have been told of the client
	notices   *notices.Box // what the client is still to be told of others; nil: nothing ever
}

// A clientPart is what a client keeps with the connection to its server.
type clientPart struct {
	wish    *wish
	refused []wire.RefusedGroup // groups of the hello, as the welcome had them
	begun   atomic.Uint64       // the id of the call that the reader ran last
}

// newConn returns a connection whose reader is the caller: it counts as running.
func newConn(parent context.Context, eng *engine, id uint64, stream transport.Conn) *Conn {
	c := &Conn{eng: eng, id: id}
	c.life.begin(parent, c)
	l := session.NewLink(stream)
	c.sess.Begin(l)
	c.out.Init(&eng.outboxes, (*outboxOwner)(c), eng.queueBytes, l, eng.handlers.onUndelivered != nil)
	c.peer.maxCommand = maxCommand
	c.can, c.detour = nativeCaps, eng.handlers.send != nil
	c.turn.Init(eng.inboxBytes, eng.budget, hasManual && eng.manual != nil)
	if eng.handlers.concurrent && (!hasManual || eng.manual == nil) {
		c.beside.Init(eng.maxConcurrent, eng.inboxBytes, eng.budget)
	}
	return c
}

// ID is a number that no other connection of the same Server or Client has had.
func (c *Conn) ID() uint64 { return c.id }

// Name is the client's name, empty if it has none.
func (c *Conn) Name() string { return c.who.Name() }

// Groups returns the groups the client is in, sorted. The caller owns the slice, which is made and
// sorted for it: [Conn.InGroup] costs much less.
func (c *Conn) Groups() []string { return c.who.Groups() }

// InGroup reports whether the client is in the group.
func (c *Conn) InGroup(group string) bool { return c.who.InGroup(group) }

// Addr is the client's address as the server sees it, at both ends: "ip:port", its own and not that
// of a proxy which the listener trusts, without a port where that tells none, and "unix:#7" for a
// client of a Unix socket. It may be another after the connection was resumed.
func (c *Conn) Addr() string { return c.who.Addr() }

// Auth returns what the client sent as [ClientOptions.Auth], at a server. It must not be
// changed, and should not be logged.
func (c *Conn) Auth() []byte { return c.atServer.auth }

// Metadata returns what the client sent as [ClientOptions.Metadata], at a server. It must
// not be changed.
func (c *Conn) Metadata() map[string]string { return c.atServer.metadata }

// Info describes the stream below, or the last there was.
func (c *Conn) Info() transport.Info { return c.sess.Link().Info }

// Context ends with the connection, however it ends; its cause says why. The contexts of
// handlers derive from it, also of those that handle what came before the end: work that
// must be done all the same wants [context.WithoutCancel].
func (c *Conn) Context() context.Context { return c.life.ctx }

// Done is closed when the connection has ended, its handlers have returned, and a
// server's leave handler has run.
func (c *Conn) Done() <-chan struct{} { return c.life.done.Wait() }

// Err returns why the connection ended, an [Error], or nil while it has not.
func (c *Conn) Err() error {
	if e := c.reason(); e != nil {
		return e
	}
	return nil
}

func (c *Conn) reason() *Error {
	why, _ := c.sess.Why().(*Error)
	return why
}

// Presence says who another client is: its name, its groups and its address as the server sees
// it, as far as the server tells; see [Access.Notices].
type Presence = wire.Presence

// Attachments are the values that the program has attached to a connection.
type attachments struct {
	list atomic.Pointer[[]attached]
	mu   lock.Mutex[lock.Values] // held by who changes the list, which is copied for that
}

// An attached value. They are few, and a map whose keys are anything would cost a browser build 2 KB.
type attached struct{ key, value any }

// Set attaches a value of the program's own to the connection, at either end and at any time, for
// [Conn.Get]. A nil value takes away what was there. The peer is told nothing of it. Keys should be of
// a type of the program's own, as those of a [context.Context]; there should be few, since Set
// takes time for each of them and Get looks at one after the other.
//
// Values stay while the connection does, over a resume too. One that joins anew begins without any.
func (c *Conn) Set(key, value any) {
	c.values.mu.Lock()
	defer c.values.mu.Unlock()
	var list []attached
	if p := c.values.list.Load(); p != nil {
		list = *p
	}
	list = withValue(list, key, value)
	c.values.list.Store(&list)
}

// Get returns what [Conn.Set] or [Admission.Set] has attached to the connection under key, or nil.
// It takes no lock.
func (c *Conn) Get(key any) any {
	p := c.values.list.Load()
	if p == nil {
		return nil
	}
	list := *p
	for i := range list {
		if list[i].key == key {
			return list[i].value
		}
	}
	return nil
}

// withValue returns a list with that value under key, and none if value is nil. The list before
// is not changed.
func withValue(list []attached, key, value any) []attached {
	next := make([]attached, 0, len(list)+1)
	for _, a := range list {
		if a.key != key {
			next = append(next, a)
		}
	}
	if value != nil {
		next = append(next, attached{key, value})
	}
	return next
}
