package core

import (
	"context"
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/admit"
)

// ServerOptions configure a [Server]. They are copied when it is made; a nil
// pointer and the zero value mean the defaults. Where a comment says so, a negative
// value turns a limit off.
type ServerOptions struct {
	// MaxConns is how many clients there may be at once, those that are suspended and those
	// that Authorize is asked about included. One more that has said hello makes the client
	// leave that has been suspended longest, of the address of which most are suspended; if none
	// is, it is refused with [CodeTooManyConns]. Zero means 16384. Negative means no limit.
	MaxConns int

	// MaxConnsPerAddr is how many of them one address may have: an IPv4 address, or the first
	// 64 bits of an IPv6 address. One more makes the client leave that has been suspended
	// longest of those of the address, or is refused with [CodeTooManyConns].
	// Zero means 1024, but no limit for this machine's own addresses and for
	// media whose addresses are not IP addresses, since a proxy may stand there for many; those
	// are limited when the option is set. Negative means no limit.
	MaxConnsPerAddr int

	// MaxHandshakes is how many newcomers there may be at once that have not said hello, or are
	// being told why they are not let in; and as many that Authorize is asked about. With one
	// more that has not said hello, the oldest of them is closed, of the address that has most. One
	// more to ask about takes the place of the newest of the address that has most, if that
	// has more than its own, and is refused with [CodeTooManyConns] otherwise. A client that
	// comes back to a session needs no such place once it has said hello.
	// Zero means 1024. Negative means as many as MaxConns.
	MaxHandshakes int

	// MaxHandshakesPerAddr is how many of each one address may have. One more that has not said
	// hello takes the place of the oldest; one more to ask about is refused. Zero means 64, with the
	// exceptions of MaxConnsPerAddr. Negative means no limit.
	MaxHandshakesPerAddr int

	// HelloTimeout is how long a newcomer may take to say who it is.
	// Zero means 10 s. Negative means for ever.
	HelloTimeout time.Duration

	// MaxHello is the greatest size of that first frame, in bytes.
	// Zero means 8 KiB. More than 16 KiB is taken as 16 KiB.
	MaxHello int

	// MaxName is how many bytes the name of a client or a group may have, MaxGroups how many
	// groups one client may be in. Zero means 128 bytes and 64 groups.
	MaxName   int
	MaxGroups int

	// MaxCommand is how many bytes the name of a command or call may have that a client
	// sends; handlers with a longer one cannot be registered. A longer one is answered with
	// [CodeBadName] or, for a command, goes to the error hook. Clients are told.
	// Zero means 256.
	MaxCommand int

	// MaxCalls is how many calls of one client may be unanswered, those that wait for their
	// turn included. One more is answered with [CodeTooManyCalls], and the connection
	// goes on. Clients are told. Zero means 1024. Negative means that only
	// InboxBytes bounds them.
	MaxCalls int

	// Authorize is asked before a client is welcomed, a classic one too. It runs on a goroutine of
	// the newcomer's own, also with Manual, so it may take its time: ctx ends with
	// HelloTimeout, when a Shutdown begins, and when the client hangs up. A client that has hung up
	// does not join, whatever Authorize returns; one that has ended its own direction only counts as
	// such. It is not noticed of one that has sent 16 KiB behind its hello.
	// If it has not returned a second after the end of ctx, AuthorizeGroup for the groups of the hello
	// included, the client is refused with [CodeUnavailable], and the server goes on without
	// it: a Shutdown does not wait for it either, and what it returns counts for nothing.
	//
	// An [Error] in the chain of its error refuses the client with that code, message and
	// RetryAfter: [Retry] says whether the client comes back. One without a code is
	// [CodeUnauthorized]. That holds for the error of a call to another server too, whether that
	// has decided about the client or not: wrap with %v instead of %w what is not to decide.
	// Everything else means that Authorize could not decide: any other error, one of its context
	// too, a panic, and the end of its goroutine. Then the client is refused with [CodeUnavailable]
	// and comes back 1 to 3 s later. What it said may hold Auth: the logger and the text of what
	// the error hook is given have no more of it than types, and [errors.Unwrap] has the rest. A
	// name or group that cannot be is the program's mistake: [CodeInternal], which a client comes
	// back from as well. Nil lets everybody in.
	Authorize func(ctx context.Context, a *Admission) error

	// AuthorizeCommand is asked before each run of a handler for a command, a call or a raw
	// message, and before the middleware; a command that also goes to the message handler
	// is asked about twice. A call is answered with its error; that of anything else goes
	// to the error hook. What [Conn.Recv] and [Conn.RecvRaw] wait for is not asked about.
	AuthorizeCommand func(ctx context.Context, c *Conn, f Frame) error

	// AuthorizeName is asked about each name that a client asks for after it was let in, also
	// about having none; the name of a hello is for Authorize. A client of the original that asks
	// for another name is asked about as well. What Authorize's error means its error means too,
	// except that the client stays in: an [Error] is the answer that the client gets, and
	// everything else is answered with [CodeUnavailable] and told to the logger and the error
	// hook. It runs as the handlers of the client do; ctx ends with the connection, and when the
	// client gives up. That it says yes makes no name free that is reserved or taken.
	//
	// Nil allows every name if Authorize is nil too. With Authorize set a client
	// keeps the name that Authorize has given or left: another is answered with
	// [CodeUnauthorized].
	AuthorizeName func(ctx context.Context, c *Conn, name string) error

	// AuthorizeGroup is asked about each group that a client asks to be in: those of its
	// hello that Authorize has left, and later ones. Nobody is asked about leaving. Its error keeps the
	// client out of the group, not out of the server, and means what that of AuthorizeName does;
	// for a group of the hello the client finds it in [Conn.RefusedGroups]. It runs as
	// AuthorizeName does; for the groups of a hello, on the newcomer's goroutine, when c cannot be
	// sent to yet, with a ctx that ends with HelloTimeout.
	//
	// Nil allows every group if Authorize is nil too. With Authorize set a client is in the
	// groups of its hello that Authorize has left, and joining another later is answered with
	// [CodeUnauthorized].
	AuthorizeGroup func(ctx context.Context, c *Conn, group string) error

	// Notices says what a client is told of others that come, go and change their names. It is
	// asked for each client, to, that wants to hear of that, about the other, of, whose name p
	// holds and nothing else. It adds to p what to may learn, such as the address or groups, may
	// take the name away, and reports whether to is told at all; p is the library's again then.
	// [TellNames], [TellGroups], [TellAddrs] and [TellNobody] are ready-made.
	//
	// Nil tells native clients nothing, which they find out as they connect, and classic ones what their
	// protocol has: name, address and a group, the latter, where Authorize or AuthorizeGroup is set, only
	// to those who are in it too. If it is set it holds for classic clients as well, and for
	// the records of others for which those of 3.0a ask.
	//
	// For the same two clients and the same name it should always say the same: of a change of name
	// it is asked about both names, and of one who goes about the last, and from that follows
	// whether to hears of somebody who comes, goes or changes. So it should decide by what stays,
	// such as values ([Conn.Get]), and not by groups. It runs on any goroutine, on several at once
	// and also with Manual, and others wait for it: it should not block. If it panics, or gives a
	// name or group that cannot be, nothing is told.
	//
	// Notices wait apart while the receiver's queue is not nearly empty, and only the latest of
	// each client. So they never fill a queue, and who reads slowly knows in the end what holds.
	// What waits so takes about QueueBytes at most; beyond, the oldest are given up, and count as
	// dropped.
	Notices func(to, of *Conn, p *Presence) bool

	// ReservedNames are names that no client may take: one that asks for such a name is
	// refused with [CodeNameTaken], unless Authorize gives it a name. Names are the same here if
	// they differ in upper and lower case only, by Unicode's simple case folding, or in how many
	// spaces stand between two words.
	ReservedNames []string

	// UniqueNames lets no two clients have one name, in the sense of ReservedNames: "Ada" and "ada"
	// are one. NameConflict says what becomes of a client whose name somebody has, also when it is
	// to be renamed: unless that one makes room it is refused with [CodeNameTaken]. With Manual,
	// nobody waits for that to leave: then a rename is refused, and may be tried again. Clients
	// without a name are not concerned.
	UniqueNames  bool
	NameConflict Conflict

	// MaxConnsPerUser is how many connections one [Admission.User] may have, suspended ones included.
	// UserConflict says what becomes of one more: unless one of the others makes room it is refused with
	// [CodeTooManyConns]. Zero means no limit.
	MaxConnsPerUser int
	UserConflict    Conflict

	// MaxFrame is the greatest frame that is read from a client, in bytes. It is
	// checked before anything is allocated. Zero means 1 MiB. Less than 512 is taken as 512.
	MaxFrame int

	// QueueBytes bounds what waits to be written to one client, and what is kept for it to be
	// resumed. What becomes of a client that lets its queue run full says Overflow. One frame
	// is always let into an empty queue, whatever its size. Zero means 1 MiB.
	QueueBytes int

	// MemoryBytes bounds what all clients have together: queues, with what is kept for a resume,
	// inboxes, copies for concurrent handlers, raw messages that nobody has received, frames that
	// have come in part, notices that wait, and some 8 KiB for each client; and what groups keep
	// (History), which may take half of it. A frame that is sent to many counts once where it
	// matters.
	//
	// From 7/8 of it on, clients that are suspended are given up, those first that hold most; then
	// clients are disconnected with [CodeOverloaded] that hold most, and come back a moment later;
	// until it is 3/4. Meanwhile newcomers are refused with that code; who comes back to a session
	// is not. [Server.Stats] tells how much there is and how many had to go. What comes in the
	// milliseconds that this takes may exceed the bound.
	//
	// Zero means half of what this process may have: the memory limit of the Go runtime
	// (GOMEMLIMIT) or of its control group, or the memory of the machine, whichever is least; 1 GiB where
	// none of them is known. Negative means no limit.
	MemoryBytes int

	// Overflow says what becomes of a command or raw message for a client whose queue is full,
	// and OverflowOf what becomes of certain commands; the empty name stands for raw messages. Zero
	// is [OverflowDisconnect].
	Overflow   Overflow
	OverflowOf map[string]Overflow

	// InboxBytes bounds what has been read from one client and waits for a slow
	// handler, and as much again of what concurrent handlers have been given and have not
	// returned from. When it is full, reading stops until there is room, so that the client
	// feels it. One frame is always let into what is empty. Zero means 256 KiB.
	InboxBytes int

	// MaxConcurrent is how many handlers registered with [Concurrent] may run at once
	// for one client. Zero means 64.
	MaxConcurrent int

	// FrameRate and ByteRate are how many frames and bytes a second a client may send, answers to
	// the server's calls included, and at once no more than those of a second. One that is
	// faster is disconnected with [CodeRateLimit] and told when it may come back. What had to
	// wait because handlers were slow counts as sent over the time it waited.
	// Zero means no limit.
	FrameRate int
	ByteRate  int

	// ChangeRate is how many changes of its name and groups a second one client may ask for, and
	// at once as many as MaxGroups. One more is answered with [CodeRateLimit] and told
	// when it may ask again, and the connection goes on. Zero means 10. Negative means no limit.
	ChangeRate int

	// IdleTimeout is how long a client may send no command, call or raw message; heartbeats do
	// not count, and while one of its handlers runs it is not idle. Then it is
	// disconnected with [CodeIdle], up to a quarter of the time later. Zero means for ever.
	IdleTimeout time.Duration

	// FrameTimeout is how long a frame that has begun may take to come, with a second more for
	// each 16 KiB of it. A client that is slower is disconnected with
	// [CodeDeadlineExceeded], up to half of the time later. While reading waits
	// for handlers the time stands still. Zero means 20 s. Negative means for ever.
	FrameTimeout time.Duration

	// Heartbeat is how long a client may be silent before it is asked for a sign of
	// life; after as long again it is disconnected with [CodeHeartbeat]. The
	// client is told and does the same. Zero means 15 s. Negative means never.
	Heartbeat time.Duration

	// WriteTimeout is how long a write to a client may make no progress before
	// it is disconnected with [CodeWriteTimeout]. Zero means 20 s. Negative means for ever.
	WriteTimeout time.Duration

	// CloseTimeout is how long ending one connection in order may take: writing what is
	// queued, the goodbye, and waiting for the client to close its side.
	// Zero means 2 s.
	CloseTimeout time.Duration

	// DrainTimeout is how long a [Server.Shutdown] lets handlers that run come to their end before
	// their contexts end. Zero means 10 s. Negative means as long as its own context lets it.
	DrainTimeout time.Duration

	// RestartAfter is when clients are told to come back that a Shutdown sends away: the first
	// after so long, each other 2 ms after the one before it, up to a minute later, so
	// that they do not all come at once. Zero means 1 s. Negative means that they are
	// not told.
	RestartAfter time.Duration

	// ResumeTime is how long a client whose connection has broken off may take to come back
	// and go on as if nothing had happened: it stays a client meanwhile, and what is sent
	// to it waits, within QueueBytes. Zero means 30 s. Negative means that it leaves at once.
	ResumeTime time.Duration

	// ClassicHeaderLen is the header's length with which clients of the original, the Python
	// package hisock, may join on the same TCP port, in bytes: those of 0.0.2 and of 3.0a.
	// Zero means 16, as in the original. Negative means that they may not. They cannot be
	// told why they are refused; one that comes when the server is full finds that
	// it is disconnected.
	ClassicHeaderLen int

	// ClassicPrefix runs, for what a client of 0.0.2 sends, every handler whose command it
	// begins with, as the original does, instead of the one whose name is the first word. The
	// message handler then gets all of it as a raw message, as there.
	ClassicPrefix bool

	// History keeps the last commands and raw messages sent to each group for those who
	// join later. The zero value keeps nothing.
	History History

	// Manual runs no handler by itself: the program calls [Server.Update] or [Server.Run], and
	// all handlers, those of events too, run on the goroutine that does, one at a time
	// and [Concurrent] ones as well. Only the error hook still runs anywhere.
	Manual bool

	// Codec converts what is not text, a number or bytes. Nil means JSON; in a
	// browser build nil means that such values fail with [CodeUnsupported].
	Codec Codec

	// Logger is told of what goes wrong. Nil means that warnings and errors go to
	// [slog.Default], and in a browser build that there is none. [Silent] says nothing.
	Logger Logger
}

// config is what a connection needs of either side's options, defaults filled in.
// A limit that is off is 0.
type config struct {
	maxFrame      int
	maxName       int
	maxGroups     int
	maxCommand    int
	maxCalls      int
	queueBytes    int
	inboxBytes    int
	maxConcurrent int
	heartbeat     time.Duration
	writeTimeout  time.Duration
	closeTimeout  time.Duration
	codec         Codec
	log           *journal
	overflow      *overflowRules // nil: for want of room the connection ends
}

const (
	defaultMaxConns      = 16384
	defaultHelloTime     = 10 * time.Second
	defaultMaxHandshakes = 1024

	defaultMaxConnsPerAddr      = 1024
	defaultMaxHandshakesPerAddr = 64

	defaultMaxHello    = 8 << 10
	defaultMaxName     = 128
	defaultMaxCalls    = 1024
	defaultMaxGroups   = 64
	defaultChangeRate  = 10
	defaultMaxFrame    = 1 << 20
	defaultQueueBytes  = 1 << 20
	defaultInboxBytes  = 256 << 10
	defaultConcurrent  = 64
	defaultFrameTime   = 20 * time.Second
	defaultHeartbeat   = 15 * time.Second
	defaultWriteTime   = 20 * time.Second
	defaultDrainTime   = 10 * time.Second
	defaultRestartTime = time.Second
	defaultCloseTime   = 2 * time.Second
	defaultResumeTime  = 30 * time.Second
	defaultRetryMin    = 500 * time.Millisecond
	defaultRetryMax    = 20 * time.Second

	defaultClassicHeader = 16

	// maxCommand is how many bytes the name of a command may have, unless a server says
	// otherwise.
	maxCommand = 256
)

// withDefaults returns a copy in which nothing is zero that has a default, and limits
// that are off are zero.
func (o *ServerOptions) withDefaults() ServerOptions {
	var v ServerOptions
	if o != nil {
		v = *o
	}
	v.MaxConns = limit(v.MaxConns, defaultMaxConns)
	v.MaxHandshakes = limit(v.MaxHandshakes, defaultMaxHandshakes)
	v.HelloTimeout = limit(v.HelloTimeout, defaultHelloTime)
	v.MaxHello = min(positive(v.MaxHello, defaultMaxHello), readBufferSize)
	v.MaxName = positive(v.MaxName, defaultMaxName)
	v.MaxGroups = positive(v.MaxGroups, defaultMaxGroups)
	v.MaxCommand = positive(v.MaxCommand, maxCommand)
	v.MaxCalls = limit(v.MaxCalls, defaultMaxCalls)
	v.MaxFrame = max(positive(v.MaxFrame, defaultMaxFrame), minPeerFrame)
	v.QueueBytes = positive(v.QueueBytes, defaultQueueBytes)
	v.InboxBytes = positive(v.InboxBytes, defaultInboxBytes)
	if v.MemoryBytes == 0 {
		v.MemoryBytes = defaultMemory()
	}
	v.MemoryBytes = max(v.MemoryBytes, 0)
	v.MaxConcurrent = positive(v.MaxConcurrent, defaultConcurrent)
	v.FrameRate, v.ByteRate = max(v.FrameRate, 0), max(v.ByteRate, 0)
	v.ChangeRate = limit(v.ChangeRate, defaultChangeRate)
	v.IdleTimeout = max(v.IdleTimeout, 0)
	v.FrameTimeout = limit(v.FrameTimeout, defaultFrameTime)
	v.Heartbeat = limit(v.Heartbeat, defaultHeartbeat)
	v.WriteTimeout = limit(v.WriteTimeout, defaultWriteTime)
	v.ClassicHeaderLen = min(limit(v.ClassicHeaderLen, defaultClassicHeader), maxClassicHeader)
	v.CloseTimeout = positive(v.CloseTimeout, defaultCloseTime)
	v.ResumeTime = limit(v.ResumeTime, defaultResumeTime)
	v.History = v.History.withDefaults()
	v.ReservedNames = slices.Clone(v.ReservedNames)
	v.DrainTimeout = limit(v.DrainTimeout, defaultDrainTime)
	v.RestartAfter = limit(v.RestartAfter, defaultRestartTime)
	if v.Codec == nil {
		v.Codec = defaultCodec
	}
	return v
}

// places are the limits of those who come, of options whose defaults are filled in.
func (o *ServerOptions) places() admit.Limits {
	return admit.Limits{
		Conns:           o.MaxConns,
		ConnsPerAddr:    limit(o.MaxConnsPerAddr, defaultMaxConnsPerAddr),
		ConnsOfMany:     o.MaxConnsPerAddr != 0,
		Greeting:        o.MaxHandshakes,
		GreetingPerAddr: limit(o.MaxHandshakesPerAddr, defaultMaxHandshakesPerAddr),
		GreetingOfMany:  o.MaxHandshakesPerAddr != 0,
	}
}

func (o *ServerOptions) config() config {
	return config{
		maxFrame: o.MaxFrame, maxName: o.MaxName, maxGroups: o.MaxGroups,
		maxCommand: o.MaxCommand, maxCalls: o.MaxCalls,
		queueBytes: o.QueueBytes, inboxBytes: o.InboxBytes, maxConcurrent: o.MaxConcurrent,
		heartbeat: o.Heartbeat, writeTimeout: o.WriteTimeout, closeTimeout: o.CloseTimeout,
		codec: o.Codec, log: newJournal(o.Logger),
		overflow: newOverflowRules(o.Overflow, o.OverflowOf, OverflowDisconnect),
	}
}

// positive returns v, or the default where v is not a size at all.
func positive[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

// limit returns v, the default for zero, and zero for a limit that is off.
func limit[T int | time.Duration](v, def T) T {
	switch {
	case v == 0:
		return def
	case v < 0:
		return 0
	}
	return v
}
