package history

import (
	"slices"

	"github.com/hisock/hisock/core/wire"
)

// A group may follow a log that several servers share. Then the epoch and the numbers are the log's: the group has the tail of
// the log, from the caller, message by message. Its kept messages are a copy, so that the log is read once for all members that join.

// At returns how far the group has followed its log, and whether it has all that it should keep of it. It has not before the first Refill, after
// Unfollow, and when the store has had no room for what it kept.
func (g *Group) At() (epoch, last uint64, whole bool) { return g.epoch, g.last, g.whole }

// Ahead reports whether a client that joins is ahead of the group, as its marks or told, the position that the client has told, say: it has
// had messages that the group has not had, or knows another epoch. The group may be behind its log, or the client lies.
func (g *Group) Ahead(m *Marks, told wire.Position) bool {
	if told.Epoch == 0 {
		told = m.said(g.name)
	}
	return told.Epoch != 0 && (told.Epoch != g.epoch || told.Number > g.last)
}

// Refill drops what is kept, and goes on after a number of an epoch of the log, which is not 0. The caller then has all that the group
// should keep from there on.
func (g *Group) Refill(epoch, last uint64) {
	g.epoch, g.last = epoch, last
	g.kept, g.bytes, g.whole = nil, 0, true
}

// ForgetBefore drops the kept messages before a number.
func (g *Group) ForgetBefore(number uint64) {
	for len(g.kept) > 0 && g.last+1-uint64(len(g.kept)) < number {
		g.bytes -= len(g.kept[0].Frame) + Cost
		g.kept[0] = Message{}
		if g.kept = g.kept[1:]; len(g.kept) == 0 {
			g.kept = nil
		}
	}
}

// Unfollow drops what is kept. The group does not follow its log any more.
func (g *Group) Unfollow() { g.kept, g.bytes, g.whole = nil, 0, false }

// Skip gives the next number to a message that nobody can be given, and returns the frame for members. The frame takes the message's place
// among the kept messages, so that those stay one after the other.
func (g *Group) Skip() []byte {
	g.last++
	frame := g.Passed()
	g.add(frame)
	return frame
}

// Without returns the frame of a kept message for a member that the messages with some numbers are not meant for. i is the message's place
// before the end: -1 is the last one.
func (g *Group) Without(i int, frame []byte, numbers []uint64) []byte {
	number := g.last + 1 + uint64(i)
	if !slices.Contains(numbers, number) {
		return frame
	}
	return wire.AppendGroupPassed(nil, g.name, number)
}

// Enlist counts one more member, which is to be told of the group's messages later: see Behind.
func (g *Group) Enlist() { g.count(1) }

// Withdraw counts one member less that has not been told of the group's messages.
func (g *Group) Withdraw() { g.count(-1) }

// Readable reports whether a kept message is one that clients can be given.
func (m *Message) Readable() bool {
	f, _, ok, err := wire.Next(m.Frame, len(m.Frame))
	return ok && err == nil && f.Kind != wire.KindGroupPassed
}
