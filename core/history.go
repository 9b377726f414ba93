package core

// A History says which messages to groups a server keeps, for clients that join later. The
// zero value keeps nothing.
//
// Commands and raw messages that are sent with [Group.Send], [Group.SendBytes] and [Group.SendRaw] are kept, as the
// send middleware leaves them, also while nobody is in the group. A message that is
// [Transient] is not kept. A server that sends to groups which its clients choose should check the
// choice, since a new group may push out the history of another group.
//
// A client that [Except] leaves out is not given the message either when it joins again. [Group.Replay] gives it
// all messages.
type History struct {
	// Messages is the number of messages that are kept of a group. Zero and negative mean none; then it is
	// an error to set one of the other fields.
	Messages int

	// Bytes bounds the messages of one group: names, payloads and some 64 bytes for each message. A message
	// that alone takes more is not kept, and pushes out all messages before it.
	// Zero means 64 KiB.
	Bytes int

	// Groups is the number of groups that have a history. When another group gets one, the group that was sent to
	// longest ago is forgotten. Zero means 1024.
	Groups int

	// Replay gives a client that joins a group, in the hello or later, the messages that are kept. No message is
	// lost or doubled between the messages that were sent before the client joined, which are replayed, and the messages
	// that are sent afterwards. Replayed messages come after the
	// welcome, or after the statement that the client is in the group now, and before the messages of
	// the join handler. They never fill more than half of the client's queue: if there are more, the
	// client gets the newest, as if no others had been kept.
	//
	// No message comes twice. A client that leaves a group and joins it again, over the same connection, also
	// after a resume, is given only the messages that were sent since it left.
	// The server remembers this for the 256 groups that the client left last. If the client has left more
	// groups, it is given, of each group that is not remembered, only messages that were sent since it left the
	// last of the groups that are not. A client that joins the server anew tells its position in each group, and is
	// given the messages after that position; so does a client that was detached. A client tells its positions in
	// all groups that it is in, and in the 256 other groups that it left last.
	//
	// [Replayed] tells a handler that a message is replayed. [Client.OnReplay] runs before the
	// messages of each replay and says what was missed; [Client.OnReplayed] runs after them. Clients of the
	// original's protocol are given all messages each time that they join, and are not told that these are replayed.
	Replay bool

	// Store keeps the messages outside of this server: other servers with the same store share them, and they outlive all servers. Nil keeps them in
	// the memory of this server. A store needs Replay.
	//
	// With a store the members of a group at all servers get its messages in one order, and a client that joins anew, at any server, is
	// given what it has missed, each message once. What is sent to a group goes to the store first, and to the members, also of this
	// server, when the store has it: so it takes one way to the store and back. A send returns when the message waits for the store; with
	// [Wait] it returns when the store has it. Messages that are [Transient], and all other sends, do not go by the store, and may overtake
	// messages that do.
	//
	// While the store cannot be reached, messages wait, and clients that join a group are given what is kept when it is back. See docs/delivery.md.
	// Groups bounds the groups of which this server holds a copy, and nothing in the store.
	Store HistoryStore

	// QueueBytes bounds what waits for the store, in bytes. A send that finds no room fails with [CodeUnavailable], unless [Wait] is given.
	// Zero means 8 MiB.
	QueueBytes int
}

const (
	defaultHistoryBytes  = 64 << 10
	defaultHistoryGroups = 1024
	defaultHistoryQueue  = 8 << 20
)

// resolve fills the defaults in, unless nothing is to be kept.
func (h *History) resolve(f *optionFaults) {
	if h.Messages <= 0 {
		const why = "it has no effect without History.Messages"
		if h.Bytes != 0 {
			f.add("History.Bytes", valueText(h.Bytes), why)
		}
		if h.Groups != 0 {
			f.add("History.Groups", valueText(h.Groups), why)
		}
		if h.Replay {
			f.add("History.Replay", "true", why)
		}
		if h.Store != nil {
			f.add("History.Store", "set", why)
		}
		if h.QueueBytes != 0 {
			f.add("History.QueueBytes", valueText(h.QueueBytes), why)
		}
		*h = History{}
		return
	}
	size(f, "History.Bytes", &h.Bytes, defaultHistoryBytes, 1, 0)
	size(f, "History.Groups", &h.Groups, defaultHistoryGroups, 1, 0)
	switch {
	case h.Store == nil && h.QueueBytes != 0:
		f.add("History.QueueBytes", valueText(h.QueueBytes), "it has no effect without History.Store")
	case h.Store != nil && !h.Replay:
		f.add("History.Store", "set", "it needs History.Replay")
	case h.Store != nil:
		size(f, "History.QueueBytes", &h.QueueBytes, defaultHistoryQueue, 64<<10, maxBytes)
	}
}
