package core

import (
	"math"
	"time"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/convert"
	"github.com/hisock/hisock/core/wire"
)

// ServerOptions configure a [Server]. They are copied when it is made. A nil pointer and the zero
// value mean the defaults.
//
// One rule holds for all numbers and times: zero is the default, and negative is off where an option
// can be off. Some are off by default, and say so. [NewServer] fails with an [OptionError] for each invalid
// option: nothing is corrected silently.
type ServerOptions struct {
	// Limits bound clients, frames and memory.
	Limits Limits

	// Timeouts bound how long things may take.
	Timeouts Timeouts

	// Access says who is let in, who may do what under which name, and what clients hear of each other.
	Access Access

	// Classic configures the service for clients of the original, the Python package hisock.
	Classic ClassicOptions

	// History keeps the last commands and raw messages to each group for clients that
	// join later. The zero value keeps nothing.
	History History

	// Cluster joins the server with others to one. The zero value leaves it alone.
	Cluster ClusterOptions

	// Overflow says what becomes of a command or raw message for a client whose queue is full. OverflowOf
	// replaces it for the commands that it names; the empty name stands for raw messages. Zero
	// is [OverflowDisconnect].
	Overflow   Overflow
	OverflowOf map[string]Overflow

	// Manual makes no handler run by itself: the program calls [Server.Update] or [Server.Run]. All handlers, also
	// [Concurrent] handlers, and all hooks run on the goroutine that calls it, one at a time. Only the error hook,
	// [Access].Authorize and Notices, middleware of sends and the Codec run on other goroutines too, and handlers of
	// streams each on one of their own.
	Manual bool

	// Codec converts values that are not text, numbers or bytes. Nil means JSON; in a
	// browser build nil means that such values fail with [CodeUnsupported].
	Codec Codec

	// Logger gets the log. Nil means that warnings and errors go to
	// [slog.Default], and in a browser build that there is no log. [Silent] writes nothing.
	Logger Logger
}

// A config holds the options of a server or a client that its connections need, with the defaults filled in.
// A limit that is off is 0. Sizes and lengths are in bytes.
type config struct {
	maxFrame      int
	maxName       int
	maxGroups     int
	maxCommand    int
	maxCalls      int
	queueBytes    int
	inboxBytes    int
	maxConcurrent int
	maxStreams    int
	streamWindow  int
	streamGrowth  int
	maxItem       int
	heartbeat     time.Duration
	writeTimeout  time.Duration
	closeTimeout  time.Duration
	codec         convert.Codec
	log           *journal
	overflow      *overflowRules // nil if the connection ends when there is no room
}

const (
	defaultMaxConns      = 16384
	defaultHelloTime     = 10 * time.Second
	defaultMaxHandshakes = 1024

	defaultMaxConnsPerAddr      = 1024
	defaultMaxHandshakesPerAddr = 64

	defaultMaxHello    = 8 << 10
	minHello           = 32 // enough for the shortest hello
	defaultMaxName     = 128
	defaultMaxCalls    = 1024
	defaultMaxGroups   = 64
	defaultChangeRate  = 10
	defaultMaxFrame    = 1 << 20
	defaultQueueBytes  = 1 << 20
	defaultInboxBytes  = 256 << 10
	defaultConcurrent  = 64
	defaultStreams     = 128
	defaultWindow      = 256 << 10
	windowsOfGrowth    = 4 // the default of StreamGrowth, in windows
	defaultMaxItem     = 1 << 20
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

	// maxBytes bounds QueueBytes and InboxBytes: an int must hold either plus the size of the greatest frame.
	maxBytes = math.MaxInt / 4

	// maxCommand bounds the name of a command, in bytes, unless a server says otherwise.
	maxCommand = 256
)

// resolve returns a copy with the defaults filled in, in which limits that are off are zero.
// It fails with an [OptionError] for each invalid option.
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
	v.Cluster.resolve(&f)
	checkOverflow(&f, v.Overflow, v.OverflowOf)
	if v.Codec == nil {
		v.Codec = convert.Default{}
	}
	return v, f.err()
}

// places returns the limits of newcomers. The defaults of o have been filled in.
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
		maxStreams: o.Limits.MaxStreams, streamWindow: o.Limits.StreamWindow, streamGrowth: o.Limits.StreamGrowth,
		maxItem:   o.Limits.MaxItem,
		heartbeat: o.Timeouts.Heartbeat, writeTimeout: o.Timeouts.Write, closeTimeout: o.Timeouts.Close,
		codec: o.Codec, log: newJournal(o.Logger),
		overflow: newOverflowRules(o.Overflow, o.OverflowOf, OverflowDisconnect),
	}
}

// Limits bound the clients of a server, what they send, and what waits for
// them. Zero is the default. Negative means no limit for the options that say so, and is an error for all others.
type Limits struct {
	// MaxConns bounds the clients that the server has at once, including suspended clients and newcomers
	// about which Authorize decides. When a newcomer beyond the limit has sent its hello, a suspended client gives way:
	// of the address with the most suspended clients, the client that has been suspended longest. If no client
	// is suspended, the newcomer is refused with [CodeTooManyConns]. Zero means 16384. Negative means no limit.
	MaxConns int

	// MaxConnsPerAddr bounds the clients of one address: an IPv4 address, or the first
	// 64 bits of an IPv6 address. For a newcomer beyond the limit the client of that address gives way that has been
	// suspended longest. If no client of the address is suspended, the newcomer is refused with [CodeTooManyConns].
	// Zero means 1024, but no limit for this machine's own addresses and for
	// media whose addresses are not IP addresses, since a proxy there may stand for many clients. A limit that is
	// set holds for these addresses too. Negative means no limit.
	MaxConnsPerAddr int

	// MaxConnsPerUser bounds the connections of one [Admission.User], including suspended connections.
	// For a newcomer beyond the limit, [Access].UserConflict says which connection of the user gives way. The
	// newcomer is refused with [CodeTooManyConns] if none does. Zero and negative mean no limit.
	MaxConnsPerUser int

	// MaxHandshakes bounds two sets of newcomers, each by this number: newcomers that have not sent their hello or
	// are being told why they are refused, and newcomers about which Authorize decides. For one more that has not sent
	// its hello, the oldest newcomer of the address with the most is closed. One more to decide about
	// takes the place of the newest newcomer of the address with the most, if that address has more newcomers than
	// its own, and is refused with [CodeTooManyConns] otherwise. A client that
	// comes back to a session needs no such place once it has sent its hello.
	// Zero means 1024. Negative means as many as MaxConns.
	MaxHandshakes int

	// MaxHandshakesPerAddr bounds the newcomers of one address in each of these two sets. One more that has not sent
	// its hello takes the place of the oldest; one more to decide about is refused. Zero means 64, with the
	// exceptions of MaxConnsPerAddr. Negative means no limit.
	MaxHandshakesPerAddr int

	// MaxHello is the greatest size of a hello, the first frame of a client, from 32 B to 16 KiB.
	// Zero means 8 KiB.
	MaxHello int

	// MaxName is the greatest length of the name of a client or a group, in bytes. MaxGroups bounds the
	// groups that one client is in; it is at most 1,048,576. Zero means 128 bytes and 64 groups.
	MaxName   int
	MaxGroups int

	// MaxCommand is the greatest length of the name of a command or call that a client
	// sends, in bytes. Handlers with a longer name cannot be registered. A call with a longer name is answered with
	// [CodeBadName], and a command with a longer name goes to the error hook. Clients are told the limit.
	// Zero means 256.
	MaxCommand int

	// MaxCalls bounds the calls of one client that are not answered yet, including calls that wait for their
	// turn. A call beyond the limit is answered with [CodeTooManyCalls], and the connection
	// goes on. Clients are told the limit. Zero means 1024. Negative means that only
	// InboxBytes bounds them.
	MaxCalls int

	// MaxFrame is the greatest size of a frame that is read from a client, from 512 B to 1 GiB. It is
	// checked before anything is allocated. Zero means 1 MiB.
	MaxFrame int

	// QueueBytes bounds the frames that wait to be written to one client and the frames that are kept for its
	// resume, together. [Overflow] says what happens when the queue is full. An empty queue takes one frame of any
	// size. Zero means 1 MiB.
	QueueBytes int

	// InboxBytes bounds the frames that have been read from one client and wait for a slow
	// handler. It also bounds, by itself, the payloads that concurrent handlers have been given and have not
	// returned from. When the inbox is full, reading stops until there is room, and the client's own sends
	// wait. An empty inbox takes one frame of any size. Zero means 256 KiB.
	InboxBytes int

	// MemoryBytes bounds the memory of all clients together: queues and the frames that are kept for a resume,
	// inboxes, copies for concurrent handlers, raw messages that nobody has received, frames that
	// have come in part, notices that wait, and some 8 KiB for each client. The messages that groups keep
	// (History) count too, and may take half of the bound. A large frame that is sent to many clients counts once.
	//
	// When 7/8 of the bound is taken, suspended clients are given up, those that hold most first. Then
	// the clients that hold most are disconnected with [CodeOverloaded], and come back a moment later. This goes on
	// until at most 3/4 is taken. Meanwhile newcomers are refused with the same code, except clients that come back
	// to a session. [Server.Stats] tells how much is taken and how many clients had to go. Frames that come in the
	// milliseconds that this takes may exceed the bound.
	//
	// Zero means half of the memory that this process may have: the memory limit of the Go runtime
	// (GOMEMLIMIT) or of the process's control group, or the memory of the machine, whichever is least. If
	// none of them is known, zero means 1 GiB. Negative means no limit.
	MemoryBytes int

	// MaxConcurrent bounds the [Concurrent] handlers that run at the same time
	// for one client. Zero means 64.
	MaxConcurrent int

	// MaxStreams bounds the streams at one time that one client has opened. One more ends with [CodeTooManyCalls], and
	// the connection goes on. Zero means 128. Negative means no limit.
	MaxStreams int

	// StreamWindow is how many bytes of a stream a client may send ahead of what the handler has taken; each
	// item counts for 32 bytes more than it has. A stream whose handler takes nothing costs that much memory, and
	// MaxItem more while its handler waits for an item of which a part has come. It is from 16 KiB to 1 GiB. Zero means 256 KiB.
	StreamWindow int

	// StreamGrowth is how many bytes the windows of all streams of a client may have in addition. A window grows while the
	// handler takes all that comes, so that a client that is quick need not wait for the window. It shrinks if the handler
	// falls behind. One stream gets at most half of what the others have left. Zero means four times StreamWindow. Negative
	// means that no window grows.
	StreamGrowth int

	// MaxItem is the greatest size of an item of a stream, in bytes. It need not fit a frame or the window. A
	// stream in which a longer one comes ends with [CodeTooBig]. Zero means 1 MiB.
	MaxItem int

	// FrameRate and ByteRate bound the frames and bytes that a client sends in a second, including answers to
	// the server's calls. In one burst it may send as much as in a second. A client that is
	// faster is disconnected with [CodeRateLimit] and told when it may come back. Frames that waited
	// because handlers were slow count as sent over the time of their wait.
	// Zero and negative mean no limit.
	FrameRate int
	ByteRate  int

	// ChangeRate bounds the changes of its name and groups for which a client asks in a second. In one burst it may
	// ask for MaxGroups of them, or ChangeRate if that is more. A request beyond the limit is answered with
	// [CodeRateLimit] and the time to wait, and the connection goes on. Zero means 10. Negative means no limit.
	ChangeRate int
}

// resolve fills the defaults in. A limit that is off is zero afterwards, except the limits of one address, whose
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
	l.MemoryBytes = limit(l.MemoryBytes, budget.DefaultLimit())
	size(f, "Limits.MaxConcurrent", &l.MaxConcurrent, defaultConcurrent, 1, 0)
	l.MaxStreams = limit(l.MaxStreams, defaultStreams)
	size(f, "Limits.StreamWindow", &l.StreamWindow, defaultWindow, wire.FirstStreamCredit, maxPeerFrame)
	l.StreamGrowth = growth(l.StreamGrowth, l.StreamWindow)
	size(f, "Limits.MaxItem", &l.MaxItem, defaultMaxItem, 1, maxPeerFrame)
	l.FrameRate, l.ByteRate = max(l.FrameRate, 0), max(l.ByteRate, 0)
	l.ChangeRate = limit(l.ChangeRate, defaultChangeRate)
}

// growth returns the growth of the streams of one client with that window, in bytes. v is the option.
func growth(v, window int) int {
	return min(limit(v, windowsOfGrowth*min(window, maxPeerFrame/windowsOfGrowth)), maxPeerFrame)
}

// Timeouts bound how long things may take at a server. Zero is the default. Negative means for ever, or never, for the
// options that say so, and is an error for all others.
type Timeouts struct {
	// Hello is how long it may take, from the moment a newcomer arrives, until its hello has come and Authorize has
	// decided about it. Zero means 10 s. Negative means for ever.
	Hello time.Duration

	// Frame is how long a frame may take from its first byte to its last, with a second more for
	// each 16 KiB of it. A client that is slower is disconnected with
	// [CodeDeadlineExceeded], up to half of the time later. The time stands still while reading waits
	// for handlers. Zero means 20 s. Negative means for ever.
	Frame time.Duration

	// Idle is how long a client may go without sending a command, call or raw message. Heartbeats do
	// not count as such. A client is not idle while one of its handlers runs. An idle client is
	// disconnected with [CodeIdle], up to a quarter of the time later. Zero and negative mean for ever.
	Idle time.Duration

	// Write is how long a write to a client may make no progress before
	// it is disconnected with [CodeWriteTimeout]. Zero means 20 s. Negative means for ever.
	Write time.Duration

	// Heartbeat is how long a client may be silent before the server pings it. After as long again it is
	// disconnected with [CodeHeartbeat]. The
	// client is told the time and does the same. Zero means 15 s. Negative means never.
	Heartbeat time.Duration

	// Resume is how long the session of a client waits when its stream has broken off. A client that comes back in
	// this time goes on as if nothing had happened. It stays a client meanwhile, and frames for it
	// wait, within [Limits].QueueBytes. Zero means 30 s. Negative means that it leaves at once.
	Resume time.Duration

	// Close is how long ending one connection in order may take: writing what is
	// queued, the goodbye, and waiting for the client to close its side.
	// Zero means 2 s.
	Close time.Duration

	// Drain is how long a [Server.Shutdown] lets handlers that run come to their end before
	// their contexts end. Zero means 10 s. Negative means as long as the context of Shutdown.
	Drain time.Duration

	// RestartAfter is the time after which the clients that a Shutdown sends away are told to come back. The first
	// client is told this time, and each other client 2 ms more than the client before it, up to a minute more, so that
	// they do not all come at once. Zero means 1 s. Negative means that they are
	// not told.
	RestartAfter time.Duration
}

// resolve fills the defaults in. A time that is off is zero afterwards.
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
