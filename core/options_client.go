package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/convert"
	"github.com/hisock/hisock/core/wire"
)

// ClientOptions configure a [Client]. They are copied when it is made. A nil pointer and the zero value
// mean the defaults. The rule of [ServerOptions] holds: zero is the default, negative is off where an option can be
// off, and [NewClient] fails with an [OptionError] for each invalid option.
//
// A browser build does not support Classic, Manual, Overflow and OverflowOf: to set one of them is an error there.
type ClientOptions struct {
	// Name is the name for which the client asks. Empty means that it has no name. If the name or one
	// of the Groups is not well formed, [Client.Connect] fails with [CodeBadName].
	Name string

	// Groups are the groups that the client joins as it connects. A client that joins anew by itself asks for
	// the groups that it was in last, and for the name for which it asked last with [Client.Rename].
	Groups []string

	// Auth is sent to the server, where Authorize and [Conn.Auth] have it. It is never logged.
	Auth []byte

	// AuthFunc returns the Auth for each time that the client joins, in place of Auth: when it connects,
	// and when it joins anew. It is not called for a resume, for which the session's own token is the proof. ctx
	// ends when the attempt is given up, for instance by [Client.Close], and after 15 s.
	//
	// An [Error] whose code is final ends the client, as [Retry] says. Any other error, and a
	// panic, makes the attempt fail. What AuthFunc returns is never logged. It runs on a
	// goroutine of its own, and never twice at the same time. It is an error to set Auth as well.
	AuthFunc func(ctx context.Context) ([]byte, error)

	// Metadata is sent to the server, where Authorize and [Conn.Metadata] have it.
	Metadata map[string]string

	// Classic makes the client speak the original's protocol. Nil means the native one.
	Classic *Classic

	// Retry says how the client comes back when its connection has broken off.
	Retry Retry

	// ConnectTimeout is how long an attempt to connect may take, from dialing to the server's
	// welcome. An attempt of [Client.Connect] that takes longer fails with [CodeDeadlineExceeded]; later attempts have
	// the same time. AuthFunc runs before that time begins. The context of Connect may end an attempt earlier. Zero
	// means 15 s. Negative means that only the context bounds Connect; later attempts take 15 s at most.
	ConnectTimeout time.Duration

	// Session is a session that [Client.Detach] has returned, in this program or an earlier one. The first Connect
	// that succeeds goes on with it, and [Client.OnState] says [StateResumed] first. The client then
	// has the name and the groups of the session. If the server has given the session up, or if these bytes are damaged
	// or of another version, the client joins anew, and OnState says [StateConnected]. A
	// session can be used once. It is an error to set [Retry].Off or Classic as well.
	Session []byte

	// Manual is [ServerOptions.Manual] for [Client.Update] and [Client.Run].
	Manual bool

	// Overflow and OverflowOf say what becomes of a command or raw message to the server for which
	// there is no room within QueueBytes. [Overflow] says what each policy means while the client is
	// away. They are like the options of [ServerOptions], except that the default is [OverflowBlock].
	Overflow   Overflow
	OverflowOf map[string]Overflow

	// MaxFrame, QueueBytes, InboxBytes, MaxConcurrent, MaxStreams, StreamWindow, StreamGrowth and MaxItem mean the same as in [Limits],
	// with the server in place of a client. WriteTimeout and CloseTimeout mean the same as Write and Close in [Timeouts], and Codec and
	// Logger the same as in [ServerOptions]. The server decides how often there are heartbeats, and how long a session
	// waits.
	MaxFrame      int
	QueueBytes    int
	InboxBytes    int
	MaxConcurrent int
	MaxStreams    int
	StreamWindow  int
	StreamGrowth  int
	MaxItem       int
	WriteTimeout  time.Duration
	CloseTimeout  time.Duration
	Codec         Codec
	Logger        Logger
}

// clientOptions are the options that a Client keeps as they are. The other options are not kept, so that a browser
// build has no code for their types.
type clientOptions struct {
	Name     string
	Groups   []string
	Auth     []byte
	AuthFunc func(ctx context.Context) ([]byte, error)
	Metadata map[string]string
	Classic  *Classic
	Retry    Retry

	ConnectTimeout time.Duration // 0 if it is off
}

// Retry says how a [Client] comes back by itself: when its connection has broken off, and
// when the server ends it, or refuses it, with an error that may pass. The first
// [Client.Connect] is tried once, unless First is set.
//
// The code of the error says whether the client comes back. It also comes back after an error with any code and a
// RetryAfter:
//
//	always    internal error, canceled, deadline exceeded, hello timeout, too many connections,
//	          slow consumer, heartbeat missed, shutting down, too many calls, rate limit
//	          exceeded, write timeout, not connected, connection lost, unavailable, overloaded,
//	          session over, queue full
//	once it   not a native connection, name taken: if it has been welcomed
//	was in    before and tries to come back
//	never     none, unknown command, bad payload, bad name, too big, protocol error, version
//	          not supported, closed, unauthorized, unknown client, ambiguous name, unknown
//	          group, too many groups, unsupported, idle, replaced, calls wait for each
//	          other, not found, a program's own code, a code that this version does not know
type Retry struct {
	// Off makes the client stay away. It then asks the server for no session, and its connection cannot be resumed.
	Off bool

	// First makes [Client.Connect] try again as the client does later, until its context ends, For
	// has passed, or an error comes after which the client does not come back. Each attempt may
	// take [ClientOptions.ConnectTimeout], or 15 s if that is off. [Client.OnState] tells of the attempts. First
	// has its effect with Off too.
	First bool

	// Min and Max bound the wait before an attempt. The wait is chosen at random between zero and a limit.
	// The limit begins with Min and doubles with each attempt up to Max. The wait is never less than the RetryAfter of
	// the server. Each connection in a row that lasted less than the limit doubles the limit with which the
	// client begins the next time. While the session can be resumed the limit is at most 2 s, or
	// Min, or a fifteenth of the time away, whichever is most, and the last of
	// these attempts comes before the session ends. Zero means 500 ms and 20 s. If only one of them is set, and the
	// default of the other would make Min greater than Max, the other is the same.
	Min, Max time.Duration

	// For is how long the client tries before it gives up, from the end of the last connection
	// that lasted. Zero and negative mean without end.
	For time.Duration
}

// resolve returns the options that the client keeps and the config of its connections, with the defaults filled in.
// It does not check names and groups, since the server limits them. It fails with an [OptionError] for each invalid
// option.
func (o *ClientOptions) resolve() (clientOptions, config, error) {
	var v ClientOptions
	if o != nil {
		v = *o
	}
	var f optionFaults
	if browser {
		f.lacks("Classic", v.Classic != nil)
		f.lacks("Manual", v.Manual)
		f.lacks("Overflow", v.Overflow != OverflowDefault)
		f.lacks("OverflowOf", len(v.OverflowOf) > 0)
	}
	if v.Auth != nil && v.AuthFunc != nil {
		f.add("Auth", "set", "AuthFunc is set as well")
	}
	v.Classic = v.Classic.resolve(&f, &v)
	v.Retry.resolve(&f)
	if len(v.Session) > 0 && v.Retry.Off {
		f.add("Session", "set", "Retry.Off is set as well, which asks for no session")
	}
	size(&f, "MaxFrame", &v.MaxFrame, defaultMaxFrame, minPeerFrame, maxPeerFrame)
	size(&f, "QueueBytes", &v.QueueBytes, defaultQueueBytes, 1, maxBytes)
	size(&f, "InboxBytes", &v.InboxBytes, defaultInboxBytes, 1, maxBytes)
	size(&f, "MaxConcurrent", &v.MaxConcurrent, defaultConcurrent, 1, 0)
	size(&f, "StreamWindow", &v.StreamWindow, defaultWindow, wire.FirstStreamCredit, maxPeerFrame)
	size(&f, "MaxItem", &v.MaxItem, defaultMaxItem, 1, maxPeerFrame)
	size(&f, "CloseTimeout", &v.CloseTimeout, defaultCloseTime, 1, 0)
	if hasOverflow {
		checkOverflow(&f, v.Overflow, v.OverflowOf)
	}
	if v.Codec == nil {
		v.Codec = convert.Default{}
	}
	return clientOptions{v.Name, v.Groups, v.Auth, v.AuthFunc, v.Metadata, v.Classic, v.Retry, limit(v.ConnectTimeout, defaultConnectTime)}, config{
		maxCommand:    maxCommand,
		maxFrame:      v.MaxFrame,
		queueBytes:    v.QueueBytes,
		inboxBytes:    v.InboxBytes,
		maxConcurrent: v.MaxConcurrent,
		maxStreams:    limit(v.MaxStreams, defaultStreams),
		streamWindow:  v.StreamWindow,
		streamGrowth:  growth(v.StreamGrowth, v.StreamWindow),
		maxItem:       v.MaxItem,
		writeTimeout:  limit(v.WriteTimeout, defaultWriteTime),
		closeTimeout:  v.CloseTimeout,
		codec:         v.Codec,
		log:           newJournal(v.Logger),
		overflow:      newOverflowRules(v.Overflow, v.OverflowOf, OverflowBlock),
	}, f.err()
}

// resolve fills the defaults in. If only Min or only Max is set, the default of the other keeps Min <= Max.
func (r *Retry) resolve(f *optionFaults) {
	switch {
	case r.Min > 0 && r.Max > 0 && r.Min > r.Max:
		f.add("Retry.Min", valueText(r.Min), "it must be at most Retry.Max, "+valueText(r.Max))
	case r.Min == 0 && r.Max > 0:
		r.Min = min(defaultRetryMin, r.Max)
	case r.Max == 0 && r.Min > 0:
		r.Max = max(defaultRetryMax, r.Min)
	}
	size(f, "Retry.Min", &r.Min, defaultRetryMin, 1, 0)
	size(f, "Retry.Max", &r.Max, defaultRetryMax, 1, 0)
	r.For = max(r.For, 0)
}
