package core

import "time"

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
