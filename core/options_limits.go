package core

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
