package core

import (
	"context"
	"time"
)

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

	ConnectTimeout time.Duration // 0 if it is off
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
//	          group, too many groups, unsupported, idle, replaced, calls wait for each
//	          other, a program's own code, a code that this version does not know
type Retry struct {
	// Off makes the client stay away; then it asks for no session that could be resumed.
	Off bool

	// First makes [Client.Connect] try again as the client does later, until its context ends, For
	// has passed, or the error is one from which the client does not come back. Each attempt may
	// take [ClientOptions.ConnectTimeout], or 15 s if that is off. [Client.OnState] tells of it. It holds with Off too.
	First bool

	// Min and Max bound the time before an attempt. It is chosen at random between zero and a limit
	// that begins with Min and doubles with each attempt up to Max, and is never less than what a
	// server has asked for. A connection that did not last at least as long as that limit doubles
	// the limit with which the next time begins. While the session can be resumed, as the server
	// has said, the limit is at most 2 s, or Min, or a fifteenth of the time away, and the last of
	// these attempts comes before the session ends. Zero means 500 ms and 20 s; if one of them is set, the other is
	// moved to it where it would be on the wrong side of it.
	Min, Max time.Duration

	// For is how long the client tries before it gives up, since the end of the last connection
	// that lasted. Zero and negative mean without end.
	For time.Duration
}

// nativeOptions are those of a client that a browser build does not have.
type nativeOptions struct {
	classic    *Classic
	manual     bool
	overflow   Overflow
	overflowOf map[string]Overflow
}

// resolve returns what the client keeps and what its connections need, defaults filled in. Names and groups are
// the server's to limit. It fails with an [OptionError] for each option that cannot be.
func (o *ClientOptions) resolve() (clientOptions, config, error) {
	var v ClientOptions
	if o != nil {
		v = *o
	}
	n := v.native()
	var f optionFaults
	if v.Auth != nil && v.AuthFunc != nil {
		f.add("Auth", "set", "AuthFunc is set as well")
	}
	if hasClassic && n.classic != nil {
		c := *n.classic
		c.resolve(&f, &v)
		n.classic = &c
	}
	v.Retry.resolve(&f)
	if len(v.Session) > 0 && v.Retry.Off {
		f.add("Session", "set", "Retry.Off is set as well, which asks for no session")
	}
	size(&f, "MaxFrame", &v.MaxFrame, defaultMaxFrame, minPeerFrame, maxPeerFrame)
	size(&f, "QueueBytes", &v.QueueBytes, defaultQueueBytes, 1, maxBytes)
	size(&f, "InboxBytes", &v.InboxBytes, defaultInboxBytes, 1, maxBytes)
	size(&f, "MaxConcurrent", &v.MaxConcurrent, defaultConcurrent, 1, 0)
	size(&f, "CloseTimeout", &v.CloseTimeout, defaultCloseTime, 1, 0)
	if hasOverflow {
		checkOverflow(&f, n.overflow, n.overflowOf)
	}
	if v.Codec == nil {
		v.Codec = defaultCodec
	}
	return clientOptions{v.Name, v.Groups, v.Auth, v.AuthFunc, v.Metadata, n.classic, v.Retry, limit(v.ConnectTimeout, defaultConnectTime)}, config{
		maxCommand:    maxCommand,
		maxFrame:      v.MaxFrame,
		queueBytes:    v.QueueBytes,
		inboxBytes:    v.InboxBytes,
		maxConcurrent: v.MaxConcurrent,
		writeTimeout:  limit(v.WriteTimeout, defaultWriteTime),
		closeTimeout:  v.CloseTimeout,
		codec:         v.Codec,
		log:           newJournal(v.Logger),
		overflow:      newOverflowRules(n.overflow, n.overflowOf, OverflowBlock),
	}, f.err()
}

// resolve fills the defaults in: one that is not set adapts to one that is.
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
