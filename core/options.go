package core

import (
	"math"
	"time"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/internal/convert"
)

// ServerOptions configure a [Server]. They are copied when it is made; a nil pointer and the zero
// value mean the defaults.
//
// One rule holds for all numbers and times: zero is the default, and negative is off where an option
// can be off. Some are off by default, and say so. [NewServer] fails with an [OptionError] for each option
// that cannot be: nothing is corrected silently.
type ServerOptions struct {
	// Limits are how much there may be of everything.
	Limits Limits

	// Timeouts are how long things may take.
	Timeouts Timeouts

	// Access says who is let in, who may do what, under which names, and what others hear of it.
	Access Access

	// Classic is about clients of the original.
	Classic ClassicOptions

	// History keeps the last commands and raw messages sent to each group for those who
	// join later. The zero value keeps nothing.
	History History

	// Overflow says what becomes of a command or raw message for a client whose queue is full,
	// and OverflowOf what becomes of certain commands; the empty name stands for raw messages. Zero
	// is [OverflowDisconnect].
	Overflow   Overflow
	OverflowOf map[string]Overflow

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
	codec         convert.Codec
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
	minHello           = 32 // so that every client can say something
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
	defaultConnectTime = 15 * time.Second
	defaultResumeTime  = 30 * time.Second
	defaultRetryMin    = 500 * time.Millisecond
	defaultRetryMax    = 20 * time.Second

	defaultClassicHeader = 16

	// maxBytes bounds queues and inboxes, so that an int holds one of them and a frame of the greatest size.
	maxBytes = math.MaxInt / 4

	// maxCommand is how many bytes the name of a command may have, unless a server says
	// otherwise.
	maxCommand = 256
)

// resolve returns a copy in which nothing is zero that has a default, and limits that are off are zero.
// It fails with an [OptionError] for each option that cannot be.
func (o *ServerOptions) resolve() (ServerOptions, error) {
	var v ServerOptions
	if o != nil {
		v = *o
	}
	var f optionFaults
	v.Limits.resolve(&f)
	v.Timeouts.resolve(&f)
	v.Access.resolve(&f, v.Limits)
	v.Classic.resolve(&f)
	v.History.resolve(&f)
	checkOverflow(&f, v.Overflow, v.OverflowOf)
	if v.Codec == nil {
		v.Codec = convert.Default{}
	}
	return v, f.err()
}

// places are the limits of those who come, of options whose defaults are filled in.
func (o *ServerOptions) places() admit.Limits {
	return admit.Limits{
		Conns:           o.Limits.MaxConns,
		ConnsPerAddr:    limit(o.Limits.MaxConnsPerAddr, defaultMaxConnsPerAddr),
		ConnsOfMany:     o.Limits.MaxConnsPerAddr != 0,
		Greeting:        o.Limits.MaxHandshakes,
		GreetingPerAddr: limit(o.Limits.MaxHandshakesPerAddr, defaultMaxHandshakesPerAddr),
		GreetingOfMany:  o.Limits.MaxHandshakesPerAddr != 0,
	}
}

func (o *ServerOptions) config() config {
	return config{
		maxFrame: o.Limits.MaxFrame, maxName: o.Limits.MaxName, maxGroups: o.Limits.MaxGroups,
		maxCommand: o.Limits.MaxCommand, maxCalls: o.Limits.MaxCalls,
		queueBytes: o.Limits.QueueBytes, inboxBytes: o.Limits.InboxBytes, maxConcurrent: o.Limits.MaxConcurrent,
		heartbeat: o.Timeouts.Heartbeat, writeTimeout: o.Timeouts.Write, closeTimeout: o.Timeouts.Close,
		codec: o.Codec, log: newJournal(o.Logger),
		overflow: newOverflowRules(o.Overflow, o.OverflowOf, OverflowDisconnect),
	}
}

// Limits say how much a server lets there be: of clients, of what they send, and of what waits for
// them. Zero is the default. Negative is no limit for those that say so, and an error for all others.
type Limits struct {
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

	// MaxConnsPerUser is how many connections one [Admission.User] may have, suspended ones included.
	// [Access].UserConflict says what becomes of one more: unless one of the others makes room it is
	// refused with [CodeTooManyConns]. Zero and negative mean no limit.
	MaxConnsPerUser int

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

	// MaxHello is the greatest size of that first frame, in bytes, from 32 B to 16 KiB.
	// Zero means 8 KiB.
	MaxHello int

	// MaxName is how many bytes the name of a client or a group may have, MaxGroups how many
	// groups one client may be in, 1,048,576 at most. Zero means 128 bytes and 64 groups.
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

	// MaxFrame is the greatest frame that is read from a client, in bytes. It is
	// checked before anything is allocated. It is from 512 B to 1 GiB. Zero means 1 MiB.
	MaxFrame int

	// QueueBytes bounds what waits to be written to one client, and what is kept for it to be
	// resumed. What becomes of a client that lets its queue run full says [Overflow]. One frame
	// is always let into an empty queue, whatever its size. Zero means 1 MiB.
	QueueBytes int

	// InboxBytes bounds what has been read from one client and waits for a slow
	// handler, and as much again of what concurrent handlers have been given and have not
	// returned from. When it is full, reading stops until there is room, so that the client
	// feels it. One frame is always let into what is empty. Zero means 256 KiB.
	InboxBytes int

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

	// MaxConcurrent is how many handlers registered with [Concurrent] may run at once
	// for one client. Zero means 64.
	MaxConcurrent int

	// FrameRate and ByteRate are how many frames and bytes a second a client may send, answers to
	// the server's calls included, and at once no more than those of a second. One that is
	// faster is disconnected with [CodeRateLimit] and told when it may come back. What had to
	// wait because handlers were slow counts as sent over the time it waited.
	// Zero and negative mean no limit.
	FrameRate int
	ByteRate  int

	// ChangeRate is how many changes of its name and groups a second one client may ask for, and
	// at once as many as MaxGroups. One more is answered with [CodeRateLimit] and told
	// when it may ask again, and the connection goes on. Zero means 10. Negative means no limit.
	ChangeRate int
}

// resolve fills the defaults in. A limit that is off is zero then, but for those of one address, whose
// default depends on the address.
func (l *Limits) resolve(f *optionFaults) {
	l.MaxConns = limit(l.MaxConns, defaultMaxConns)
	l.MaxConnsPerUser = max(l.MaxConnsPerUser, 0)
	l.MaxHandshakes = limit(l.MaxHandshakes, defaultMaxHandshakes)
	size(f, "Limits.MaxHello", &l.MaxHello, defaultMaxHello, minHello, readBufferSize)
	size(f, "Limits.MaxName", &l.MaxName, defaultMaxName, 1, maxPeerFrame)
	size(f, "Limits.MaxGroups", &l.MaxGroups, defaultMaxGroups, 1, maxClientGroups)
	size(f, "Limits.MaxCommand", &l.MaxCommand, maxCommand, 1, maxPeerFrame)
	l.MaxCalls = limit(l.MaxCalls, defaultMaxCalls)
	size(f, "Limits.MaxFrame", &l.MaxFrame, defaultMaxFrame, minPeerFrame, maxPeerFrame)
	size(f, "Limits.QueueBytes", &l.QueueBytes, defaultQueueBytes, 1, maxBytes)
	size(f, "Limits.InboxBytes", &l.InboxBytes, defaultInboxBytes, 1, maxBytes)
	l.MemoryBytes = limit(l.MemoryBytes, defaultMemory())
	size(f, "Limits.MaxConcurrent", &l.MaxConcurrent, defaultConcurrent, 1, 0)
	l.FrameRate, l.ByteRate = max(l.FrameRate, 0), max(l.ByteRate, 0)
	l.ChangeRate = limit(l.ChangeRate, defaultChangeRate)
}

// Timeouts say how long a server lets things take. Zero is the default. Negative is for ever, or never, for those
// that say so, and an error for all others.
type Timeouts struct {
	// Hello is how long a newcomer may take to say who it is.
	// Zero means 10 s. Negative means for ever.
	Hello time.Duration

	// Frame is how long a frame that has begun may take to come, with a second more for
	// each 16 KiB of it. A client that is slower is disconnected with
	// [CodeDeadlineExceeded], up to half of the time later. While reading waits
	// for handlers the time stands still. Zero means 20 s. Negative means for ever.
	Frame time.Duration

	// Idle is how long a client may send no command, call or raw message; heartbeats do
	// not count, and while one of its handlers runs it is not idle. Then it is
	// disconnected with [CodeIdle], up to a quarter of the time later. Zero and negative mean for ever.
	Idle time.Duration

	// Write is how long a write to a client may make no progress before
	// it is disconnected with [CodeWriteTimeout]. Zero means 20 s. Negative means for ever.
	Write time.Duration

	// Heartbeat is how long a client may be silent before it is asked for a sign of
	// life; after as long again it is disconnected with [CodeHeartbeat]. The
	// client is told and does the same. Zero means 15 s. Negative means never.
	Heartbeat time.Duration

	// Resume is how long a client whose connection has broken off may take to come back
	// and go on as if nothing had happened: it stays a client meanwhile, and what is sent
	// to it waits, within [Limits].QueueBytes. Zero means 30 s. Negative means that it leaves at once.
	Resume time.Duration

	// Close is how long ending one connection in order may take: writing what is
	// queued, the goodbye, and waiting for the client to close its side.
	// Zero means 2 s.
	Close time.Duration

	// Drain is how long a [Server.Shutdown] lets handlers that run come to their end before
	// their contexts end. Zero means 10 s. Negative means as long as its own context lets it.
	Drain time.Duration

	// RestartAfter is when clients are told to come back that a Shutdown sends away: the first
	// after so long, each other 2 ms after the one before it, up to a minute later, so
	// that they do not all come at once. Zero means 1 s. Negative means that they are
	// not told.
	RestartAfter time.Duration
}

// resolve fills the defaults in. A time that is off is zero then.
func (t *Timeouts) resolve(f *optionFaults) {
	t.Hello = limit(t.Hello, defaultHelloTime)
	t.Frame = limit(t.Frame, defaultFrameTime)
	t.Idle = max(t.Idle, 0)
	t.Write = limit(t.Write, defaultWriteTime)
	t.Heartbeat = limit(t.Heartbeat, defaultHeartbeat)
	t.Resume = limit(t.Resume, defaultResumeTime)
	size(f, "Timeouts.Close", &t.Close, defaultCloseTime, 1, 0)
	t.Drain = limit(t.Drain, defaultDrainTime)
	t.RestartAfter = limit(t.RestartAfter, defaultRestartTime)
}
