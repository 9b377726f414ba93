package core

import (
	"context"
	"time"
)

// ClientOptions configure a [Client]. They are copied when it is made; a nil
// pointer and the zero value mean the defaults.
type ClientOptions struct {
	// Name is what the client wants to be called. Empty means that it has no name.
	Name string

	// Groups are those that the client joins as it connects. One that joins anew by itself asks for
	// those that it is in by then, and for the name that it asked for last with [Client.Rename].
	Groups []string

	// Auth is handed to the server and never logged.
	Auth []byte

	// AuthFunc gives the Auth of each time that the client joins, in place of Auth: as it connects,
	// and as it joins anew. A resume is proven by the session's own token and asks nothing. ctx
	// ends when the attempt is given up, for instance by [Client.Close], and after 15 s, which the
	// client waits for it.
	//
	// An [Error] whose code is final ends the client, as [Retry] says. Any other error, and a
	// panic, is an attempt that failed. What AuthFunc returns is never logged. It runs on a
	// goroutine of its own, once at a time. NewClient panics if both Auth and AuthFunc are set.
	AuthFunc func(ctx context.Context) ([]byte, error)

	// Metadata is handed to the server.
	Metadata map[string]string

	// Classic makes the client speak the original's protocol. Nil means the native one.
	Classic *Classic

	// Retry says how the client comes back when its connection has broken off.
	Retry Retry

	// Session is what [Client.Detach] has returned, here or in an earlier program: the first Connect
	// that succeeds goes on with it, and [Client.OnState] says [StateResumed] first. The client then
	// has the name and the groups that it had. It joins anew, and OnState says [StateConnected], if
	// the server has given the session up, or if these bytes are damaged or of another version. A
	// session can be gone on with once. It is not if [Retry].Off is set, or Classic.
	Session []byte

	// Manual is [ServerOptions.Manual] for [Client.Update] and [Client.Run].
	Manual bool

	// Overflow and OverflowOf say what becomes of a command or raw message to the server for which
	// there is no room within QueueBytes; [Overflow] says what that means while the client is
	// away. They are what [ServerOptions] call so, except that the default is [OverflowBlock]. A
	// browser build has neither: NewClient panics if one is set.
	Overflow   Overflow
	OverflowOf map[string]Overflow

	// MaxFrame, QueueBytes, InboxBytes, MaxConcurrent, WriteTimeout, CloseTimeout, Codec and
	// Logger mean what they mean in [ServerOptions], toward the server. How often
	// there are heartbeats, and how long a session waits, the server says.
	MaxFrame      int
	QueueBytes    int
	InboxBytes    int
	MaxConcurrent int
	WriteTimeout  time.Duration
	CloseTimeout  time.Duration
	Codec         Codec
	Logger        Logger
}

// clientOptions are those that a Client keeps as they are. The rest is not kept, so that a browser
// build does not carry what is said of its types.
type clientOptions struct {
	Name     string
	Groups   []string
	Auth     []byte
	AuthFunc func(ctx context.Context) ([]byte, error)
	Metadata map[string]string
	Classic  *Classic
	Retry    Retry
}

// Retry says how a [Client] comes back by itself: when its connection has broken off, and
// when the server ends it, or refuses it, with an error that time may heal. The first
// [Client.Connect] is tried once, unless First is set.
//
// Whether it comes back says the code of the error, and an error of any code with a RetryAfter
// makes it come back:
//
//	always    internal error, canceled, deadline exceeded, hello timeout, too many connections,
//	          slow consumer, heartbeat missed, shutting down, too many calls, rate limit
//	          exceeded, write timeout, not connected, connection lost, unavailable, overloaded,
//	          session over, queue full
//	once it   not a native connection, name taken: if it has been welcomed
//	was in    before and tries to come back
//	never     none, unknown command, bad payload, bad name, too big, protocol error, version
//	          not supported, closed, unauthorized, unknown client, ambiguous name, unknown
//	          group, too many groups, unsupported, idle, replaced, a program's own code, a
//	          code that this version does not know
type Retry struct {
	// Off makes the client stay away; then it asks for no session that could be resumed.
	Off bool

	// First makes [Client.Connect] try again as the client does later, until its context ends, For
	// has passed, or the error is one from which the client does not come back. Each attempt may
	// take 15 s. [Client.OnState] tells of it. It holds with Off too.
	First bool

	// Min and Max bound the time before an attempt. It is chosen at random between zero and a limit
	// that begins with Min and doubles with each attempt up to Max, and is never less than what a
	// server has asked for. A connection that did not last at least as long as that limit doubles
	// the limit with which the next time begins. While the session can be resumed, as the server
	// has said, the limit is at most 2 s, or Min, or a fifteenth of the time away, and the last of
	// these attempts comes before the session ends. Zero means 500 ms and 20 s.
	Min, Max time.Duration

	// For is how long the client tries before it gives up, since the end of the last connection
	// that lasted. Zero means without end.
	For time.Duration
}

// config returns what the client's connections need. Names and groups are the
// server's to limit.
func (o *ClientOptions) config() config {
	c := config{
		maxCommand:    maxCommand,
		maxFrame:      max(positive(o.MaxFrame, defaultMaxFrame), minPeerFrame),
		queueBytes:    positive(o.QueueBytes, defaultQueueBytes),
		inboxBytes:    positive(o.InboxBytes, defaultInboxBytes),
		maxConcurrent: positive(o.MaxConcurrent, defaultConcurrent),
		writeTimeout:  limit(o.WriteTimeout, defaultWriteTime),
		closeTimeout:  positive(o.CloseTimeout, defaultCloseTime),
		codec:         o.Codec,
		log:           newJournal(o.Logger),
		overflow:      newOverflowRules(o.Overflow, o.OverflowOf, OverflowBlock),
	}
	if c.codec == nil {
		c.codec = defaultCodec
	}
	return c
}
