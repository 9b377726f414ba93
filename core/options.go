package core

import (
	"math"
	"time"

	"github.com/hisock/hisock/core/internal/admit"
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
		v.Codec = defaultCodec
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
