package core

import "context"

// A HistoryStore keeps what groups keep outside of the servers: for all servers that open it, and beyond the end of each of them. [History]
// takes one. It moves bytes, and gives the messages of a group one order. What the bytes mean is decided here, so a store knows of no
// frames or clients. Package core/historytest has a store in memory, and the suite that each store passes; core/natsrelay has a store over
// NATS.
//
// # Logs
//
// A store has a log for each group: messages with numbers, each one greater by 1 than the number before, from any number on, within an epoch. Groups
// and ids of messages are tokens, as [Relay] has them: 1 to [MaxRelayToken] of the characters A–Z, a–z, 0–9, "-" and "_".
//
//   - All servers see the same messages under the same numbers: whoever has had number 7 of an epoch has had everything up to it.
//   - A log keeps at least the newest [HistoryRules].Messages messages. It may drop messages that are older, and whole logs when it has too many of them.
//   - An epoch is a random number, never zero, that is chosen when the log begins. A log that was lost, deleted or dropped begins with another epoch, so that
//     numbers of different logs cannot be mistaken for each other.
//   - Anybody who may write to the store can write anything. The bytes of a message are passed on as they are.
//
// # How it can be built
//
// Over Redis: a hash for each group with the epoch, the last number and what is forgotten, and a stream with the ids "0-NUMBER". Append is
// one script for each group of a batch: it makes the hash if there is none, skips messages whose id it knows (a key for each id, set with
// NX and a time to live), adds the others with XADD and MAXLEN, and publishes them on a channel of the group, in the same script. Read is a
// script that makes the hash if there is none, and reads the stream from the number on. Follow subscribes to the channel. A connection that
// breaks is told with Missed.
//
// Over NATS: see package core/natsrelay.
type HistoryStore interface {
	// Open connects a server to the store. h hears of what is appended, from any time on, also before Open has returned. node names the
	// server for people.
	//
	// Open does not wait until the store can be reached, only for one attempt. It fails if that can never be, for instance for wrong
	// credentials, or if ctx ends.
	Open(ctx context.Context, node string, keep HistoryRules, h HistoryHandler) (HistoryLog, error)
}

// HistoryRules say what a store keeps at least of each group, and how much it returns at most.
type HistoryRules struct {
	Messages int // the newest messages of a group
	Bytes    int // bounds the messages that one Read returns
}

// A HistoryMessage is a message to a group.
type HistoryMessage struct {
	Group string // a token that stands for the group
	ID    string // a token that no other message has
	Data  []byte // at most MaxMessage bytes
}

// A HistoryPart is a part of a group's log: some messages, one after the other.
type HistoryPart struct {
	Epoch    uint64   // of the log; never 0
	First    uint64   // the number of the first message; if there is none, of the message that will be appended next
	Messages [][]byte // the oldest first

	// Forgotten is the number before which all messages of the epoch have been dropped with [HistoryLog].Forget; 0 if none have. What Read
	// returns has it, and the part that Forget itself makes. It is at most the number after the last message.
	Forgotten uint64
}

// Next returns the number after the last message.
func (p *HistoryPart) Next() uint64 { return p.First + uint64(len(p.Messages)) }

// A HistoryLog is the way of one server to a [HistoryStore]. All methods are safe for concurrent use, except that one goroutine at a time calls
// Append and Forget. Methods with a context end with it, and fail while the store cannot be reached.
type HistoryLog interface {
	// Append adds messages to the logs of their groups. The messages of one group get their numbers in the order of the batch; if a message
	// of another server comes between them, that is no error. Append returns nil when the store has them all, so that they outlive each
	// server.
	//
	// After an error each of the messages may have been added or not. The caller calls Append again with the same batch, until it returns
	// nil or the log is closed; no message is added twice. It does not keep the batch once it has returned nil.
	Append(ctx context.Context, batch []HistoryMessage) error

	// Forget drops the messages of a group. The numbers and the epoch go on. Whoever follows the group is told a part without messages.
	// After an error the caller calls Forget again, before anything else is appended by this server; then messages that others have
	// appended after the first call stay.
	Forget(ctx context.Context, group string) error

	// Read returns the messages of a group after a number of an epoch, up to the newest that had been appended when Read was called; it may
	// return newer ones too. If it cannot return all of them it returns the newest, as many as [HistoryRules] allow: so First is greater
	// than after+1, or the epoch another one. A log that does not exist yet begins with Read. Many calls may run at one time, and none is
	// held up by a slow caller of another.
	Read(ctx context.Context, group string, epoch, after uint64) (HistoryPart, error)

	// Follow makes the handler hear of what is appended to a group, by this server too; Unfollow ends that. Read returns what was appended
	// before Follow, if it is called afterwards. Both only note it while the store cannot be reached, and fail only if the log is closed.
	// It is no error to follow twice, or to end what is not there. Something may still come for a moment after Unfollow. Groups that are
	// followed are many, and come and go: none may cost more than a small entry in a map.
	Follow(group string) error
	Unfollow(group string) error

	// MaxMessage is the greatest size of a message, in bytes, at least MinRelayPart. It does not change.
	MaxMessage() int

	// Close ends everything. When it has returned, no method of the handler runs or will be called. Calls that wait at that moment fail. Close takes
	// no longer than ctx, whose error it returns if something had to be given up. Closing twice is no error.
	Close(ctx context.Context) error
}

// A HistoryHandler hears of what is appended to groups that are followed. Its methods are called one at a time, and return soon. They call
// no method of the log.
type HistoryHandler interface {
	// Appended is told a part of a group's log, in the order of the numbers within the group. A part may be lost, and come twice: the numbers
	// tell. It is valid until Appended returns, and not changed.
	Appended(group string, part HistoryPart)

	// Missed says that parts of any groups may have been lost, for instance because the store could not be reached for a while. It is called when
	// the store can be reached again.
	Missed()
}

// HistoryStats are counters of what a server does with the [HistoryStore] of its [History] since it was made, and what it holds now. All
// are zero without a store.
type HistoryStats struct {
	Up        bool // the store could be reached last
	Following int  // groups that the server follows, since they have members here

	Waiting   int    // bytes that wait to be appended; at most [History].QueueBytes
	Appended  uint64 // messages that the store has taken
	Delivered uint64 // messages that have come from the store, each counted once whatever the number of its receivers
	Refused   uint64 // messages in the store that no server can have written; clients are not given them
	Unsent    uint64 // sends that failed for want of room, and messages that still waited when the server ended
}
