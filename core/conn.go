package core

import (
	"context"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/internal/beside"
	"github.com/hisock/hisock/core/internal/events"
	"github.com/hisock/hisock/core/internal/guard"
	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/moment"
	"github.com/hisock/hisock/core/internal/notices"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/roster"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/internal/standstill"
	"github.com/hisock/hisock/core/internal/turn"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A Conn is one end of a connection between a server and one of its clients. At a server it stands for the
// client, and at a client for the server. It outlives its streams: it ends when it is closed, or when its stream has
// broken off and it is not resumed. All methods are safe for concurrent use.
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
	guard *guard.Guard  // rates, silence and slow frames of the client; nil at a client, and if nothing is limited
	who   roster.Member // the client: its name, user, address and groups
	sess  session.Session
	life  lifetime
	peer

	// transition is held while the session changes its state and the outbox and the server's gate follow; see
	// conn_session.go.
	transition lock.Mutex[lock.Transition]

	out     outbox.Outbox
	turn    turn.Turn    // who reads, and the frames that wait for a handler
	reading              // owned by the goroutine that reads
	calls   callTable    // calls to the peer
	serving servingTable // calls of the peer
	recv    recvTable
	streams atomic.Pointer[streamTable] // nil until there has been a stream
	waits   standstill.Table            // handlers that wait for answers
	beside  *beside.Handlers            // concurrent handlers; nil if there are none
	events  events.Line                 // hooks that run one after the other; see conn_run.go

	progress progress // notes for the sweeper
	watch    watch    // the sweeper's own notes
	lines    lines    // lines that the connection has in the log

	move     atomic.Pointer[transit] // nil unless the session has moved to another node, or is on its way from one
	values   attachments
	atServer serverPart
	atClient *clientPart // nil at a server
}

// A peer is what a connection knows of the other end. It does not change once other goroutines know the
// connection.
type peer struct {
	maxFrame   int         // the greatest frame that the peer reads, in bytes
	maxCommand int         // the longest name of a command that the peer takes, in bytes
	legacy     *legacyPeer // nil for a native peer
	can        caps
	server     bool // this end is a server, and the peer its client
	detour     bool // sends to the peer pass through middleware, or are converted to a dialect of the original
}

// A reading is what belongs to the goroutine that reads. It passes to the next reader with the turn.
type reading struct {
	rd       *reader
	share    share
	judged   moment.Moment                   // when a standstill that the peer claimed was checked last
	past     int                             // bytes that came after the connection's end
	breaks   []*events.Event                 // events that tell of the link that broke off last
	replayed atomic.Pointer[context.Context] // the context of handlers of replayed messages; nil before the first one
}

// A serverPart is what a server keeps with the connection of a client.
type serverPart struct {
	slot     *admit.Slot // does not change once other goroutines know the connection
	auth     []byte      // auth and metadata are as the hello had them
	metadata map[string]string
	entered  bool          // it is in the roster, or was; set before its first frame is handled
	joined   bool          // the leave handler is to run; set before the client's first frame is handled
	changes  *guard.Rate   // rate of the client's requests for changes, nil before the first; owned by who has the turn
	marks    history.Marks // how far the client has followed the groups that it has left

	announced announcement // what other clients have been told of the client
	notices   *notices.Box // notices of other clients that wait for the client; nil if it never gets any
}

// A clientPart is what a client keeps with the connection to its server.
type clientPart struct {
	wish    *wish
	refused []wire.RefusedGroup // groups that the hello asked for and the welcome refused
	begun   atomic.Uint64       // the id of the server's call that the reader handled last
}

// newConn returns a connection whose reader is the caller, which counts as one of its running goroutines.
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
		c.beside = beside.New(eng.maxConcurrent, eng.inboxBytes, eng.budget)
	}
	return c
}

// ID is a number that no other connection of the same [Server] or [Client] has.
func (c *Conn) ID() uint64 { return c.id }

// Name is the client's name, empty if it has none.
func (c *Conn) Name() string { return c.who.Name() }

// Groups returns the groups that the client is in, sorted. The caller owns the slice, which is made and
// sorted at each call: [Conn.InGroup] costs much less.
func (c *Conn) Groups() []string { return c.who.Groups() }

// InGroup reports whether the client is in the group.
func (c *Conn) InGroup(group string) bool { return c.who.InGroup(group) }

// Addr is the client's address as the server sees it, at both ends: "ip:port", or for a client of a Unix socket
// "unix:#7", where the number is the client's. Behind a proxy that the listener trusts it is the client's address
// and not the proxy's, without a port if the proxy tells none. It may be another after a resume.
func (c *Conn) Addr() string { return c.who.Addr() }

// Auth returns the client's [ClientOptions.Auth], at a server. It must not be changed, and should not be logged. At a
// client it is nil.
func (c *Conn) Auth() []byte { return c.atServer.auth }

// Metadata returns the client's [ClientOptions.Metadata], at a server. It must not be changed. At a client it is nil.
func (c *Conn) Metadata() map[string]string { return c.atServer.metadata }

// Info describes the stream that carries the connection, or the last one if there is none.
func (c *Conn) Info() transport.Info { return c.sess.Link().Stream.Info() }

// Context ends with the connection, however it ends; its cause says why. The contexts of all
// handlers derive from it. A handler may still run after the end, for a frame that came before it: work that
// must be done all the same needs [context.WithoutCancel].
func (c *Conn) Context() context.Context { return c.life.ctx }

// Done is closed when the connection has ended, its handlers have returned, and, at a
// server, the function of [Server.OnLeave] has run.
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

// attachments are the values that the program has attached to a connection.
type attachments struct {
	list atomic.Pointer[[]attached] // never changed in place: Set stores a changed copy
	mu   lock.Mutex[lock.Values]    // held over each Set
}

// An attached is a value with its key. They are in a slice, since they are few and a map with keys of any type would
// cost a browser build 2 KB.
type attached struct{ key, value any }

// Set attaches a value of the program's own to the connection, at either end and at any time, for
// [Conn.Get]. A nil value removes the value under key. The peer is not told. As with
// [context.WithValue], keys must be comparable and should be of a type of the program's own. There
// should be few keys: Set copies the list of all values, and Get searches it.
//
// Values stay as long as the connection, also over a resume. A connection of a client that joins anew begins
// without values.
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

// withValue returns a copy of list with value under key, or without key if value is nil.
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
