package core

import (
	"container/list"
	"sync"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/roster"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// histories are what a server keeps of its groups.
//
// Who sends to a group, joins or leaves it or replays to a newcomer takes its history first, which is a
// lock, and puts it back. The locks are taken in this order:
//
//	groupHistory.mu → Server.mu, histories.mu, those of members and queues
type histories struct {
	opts    History
	members *roster.Roster[*Conn]

	mu     sync.Mutex               // guards the fields below
	groups map[string]*groupHistory // those that somebody needs: see tidyLocked
	epoch  uint64                   // of a history that is made now; see nextEpochLocked
	serial uint64                   // of the message that was kept last, of any group
	recent list.List                // of *groupHistory, those that keep something, the last sent to in front
	budget *budget.Budget
	mem    budget.Meter // of those in recent
}

// A groupHistory is what a group keeps. Its messages have numbers from 1 on within its epoch, so that
// the first that is kept has the number last - len(kept) + 1.
type groupHistory struct {
	group string
	epoch uint64        // never 0
	users int           // who have taken it or wait for that; guarded by histories.mu
	place *list.Element // in recent, or nil; guarded by histories.mu
	held  int           // bytes that are counted in histories.mem; guarded by histories.mu

	// mu is held by who sends until the message is queued for all who do not have to wait: so everybody
	// gets the messages in the order of their numbers. It guards the fields below, which also who holds
	// histories.mu may change while there are no users.
	mu    sync.Mutex
	last  uint64        // number of the last message
	kept  []keptMessage // oldest first
	bytes int
}

type keptMessage struct {
	serial uint64
	frame  []byte // a group command or group raw, shared with queues: nobody changes it
}

func newHistories(opts History, members *roster.Roster[*Conn], of *budget.Budget) *histories {
	if opts.Messages == 0 {
		return nil
	}
	hs := &histories{opts: opts, members: members, groups: make(map[string]*groupHistory), budget: of, epoch: session.RandomNumber()}
	hs.nextEpochLocked()
	return hs
}

// nextEpochLocked makes histories begin another epoch. No two histories of one group have numbers of the
// same epoch: neither those of one server, which counts its epochs, nor those of two, which
// begin with a random one.
func (hs *histories) nextEpochLocked() {
	if hs.epoch++; hs.epoch == 0 {
		hs.epoch = 1
	}
}

// take returns the history of the group, locked.
func (hs *histories) take(group string) *groupHistory {
	hs.mu.Lock()
	h := hs.groups[group]
	if h == nil {
		h = &groupHistory{group: group, epoch: hs.epoch}
		hs.groups[group] = h
	}
	h.users++
	hs.mu.Unlock()
	h.mu.Lock()
	return h
}

// put unlocks a history. If there was something sent to the group it is the one that is
// forgotten last.
func (hs *histories) put(h *groupHistory, sent bool) {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	defer h.mu.Unlock()
	hs.countLocked(h, sent)
	h.users--
	hs.tidyLocked(h)
}

func (hs *histories) countLocked(h *groupHistory, sent bool) {
	switch {
	case len(h.kept) == 0:
		hs.dropLocked(h)
	case sent && h.place != nil:
		hs.recent.MoveToFront(h.place)
	case sent:
		h.place = hs.recent.PushFront(h)
	}
	if h.place != nil {
		hs.mem.Add(hs.budget, h.bytes-h.held)
		h.held = h.bytes
	}
	most := hs.budget.Limit() / 2 // the rest is for those who are there
	for hs.recent.Len() > hs.opts.Groups || most > 0 && hs.mem.Held() > most {
		old := hs.recent.Back().Value.(*groupHistory)
		hs.dropLocked(old)
		hs.tidyLocked(old)
	}
}

// dropLocked forgets what a history keeps, unless somebody who has taken it sends to the group.
func (hs *histories) dropLocked(h *groupHistory) {
	if h.place == nil {
		return
	}
	hs.recent.Remove(h.place)
	h.place = nil
	hs.mem.Sub(hs.budget, h.held)
	h.held = 0
}

// tidyLocked lets go of a history that nobody needs: nobody has taken it, nothing is kept, and no
// member has been told its epoch.
func (hs *histories) tidyLocked(h *groupHistory) {
	if h.users > 0 || h.place != nil {
		return
	}
	h.kept, h.bytes = nil, 0
	if hs.opts.Replay && len(hs.members.In(h.group)) > 0 {
		return
	}
	delete(hs.groups, h.group)
	if h.last > 0 {
		hs.nextEpochLocked()
	}
}

// emptied lets go of the history of a group that has lost its last member, if nothing is kept.
func (hs *histories) emptied(group string) {
	hs.mu.Lock()
	if h := hs.groups[group]; h != nil {
		hs.tidyLocked(h)
	}
	hs.mu.Unlock()
}

// keepLocked keeps a message, lets go of the oldest beyond the bounds, and returns the frame of that
// message, which nobody may change.
func (hs *histories) keepLocked(h *groupHistory, f Frame) []byte {
	h.last++
	frame := appendKept(h.group, h.last, f)
	hs.mu.Lock()
	hs.serial++
	serial := hs.serial
	hs.mu.Unlock()
	h.kept = append(h.kept, keptMessage{serial, frame})
	h.bytes += len(frame) + keptCost
	for len(h.kept) > hs.opts.Messages || h.bytes > hs.opts.Bytes {
		h.bytes -= len(h.kept[0].frame) + keptCost
		h.kept[0] = keptMessage{}
		h.kept = h.kept[1:]
		if len(h.kept) == 0 {
			h.kept = nil
		}
	}
	return frame
}

// appendKept returns a message as the members of its group are sent it.
func appendKept(group string, number uint64, f Frame) []byte {
	if f.Kind == KindRaw {
		return wire.AppendGroupRaw(make([]byte, 0, wire.GroupRawSize(group, number, len(f.Payload))), group, number, f.Payload)
	}
	n := wire.GroupCommandSize(group, number, f.Command, len(f.Payload))
	return wire.AppendGroupCommand(make([]byte, 0, n), group, number, f.Command, f.Payload)
}

// keptFrame takes a frame apart that was put together here. Its payload is part of b.
func keptFrame(b []byte) Frame {
	in, _, _, _ := wire.Next(b, len(b))
	f, _ := groupFrame(in)
	return f
}

// groupFrame returns what a group command or group raw says, apart from the group. Its payload is part
// of the body.
func groupFrame(in wire.Frame) (f Frame, err error) {
	_, _, rest, err := wire.ParseGroup(in.Kind, in.Body)
	if err != nil || in.Kind == wire.KindGroupRaw {
		return Frame{Kind: KindRaw, Payload: rest}, err
	}
	name, payload, err := wire.ParseCommand(rest)
	return Frame{Kind: KindCommand, Command: string(name), Payload: payload}, err
}

// leaveLocked notes how far c, which has just left the group, has followed it.
func (h *groupHistory) leaveLocked(c *Conn) {
	at := history.Mark{Group: h.group, Epoch: h.epoch, Number: h.last}
	if len(h.kept) > 0 { // else all that will be kept comes later
		at.Serial = h.kept[len(h.kept)-1].serial
	}
	if h.last > 0 {
		c.followed(true).Leave(at)
	}
}

// joinLocked gives c, which is in the group now, what is kept of it and what c has not had, as far as
// is known here or its client has told.
func (h *groupHistory) joinLocked(c *Conn, told wire.Position) (unfit []error) {
	var left history.Mark
	var floor uint64
	if m := c.followed(false); m != nil {
		left, floor = m.Join(h.group)
	}
	if p := c.takePosition(h.group); told.Epoch == 0 {
		told = p
	}
	n := uint64(len(h.kept))
	if left.Epoch == h.epoch {
		n = min(n, h.last-left.Number)
	}
	if told.Epoch == h.epoch && told.Number <= h.last {
		n = min(n, h.last-told.Number)
	}
	for n > 0 && h.kept[uint64(len(h.kept))-n].serial <= floor {
		n--
	}
	unfit, _ = h.replayLocked(c, int(n), false)
	return unfit
}

// followed returns the connection's marks. It returns nil if there are none, unless they are to be made.
func (c *Conn) followed(make bool) *history.Marks {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.marks == nil && make {
		c.marks = new(history.Marks)
	}
	return c.marks
}

// replayLocked queues the last n frames for c, as far as they fit into half of its queue. It returns why
// some cannot be sent to it at all, and why it has ended if it has.
func (h *groupHistory) replayLocked(c *Conn, n int, again bool) (unfit []error, err error) {
	room := c.eng.queueBytes/2 - c.out.Stats().Waiting
	first := len(h.kept)
	for first > len(h.kept)-n && room >= len(h.kept[first-1].frame) {
		first--
		room -= len(h.kept[first].frame)
	}
	if c.can.Replays {
		r := wire.Replay{Group: h.group, Epoch: h.epoch, Last: h.last, Count: uint64(len(h.kept) - first), Again: again}
		c.sendOwn(wire.AppendReplay(nil, &r)) //nolint:errcheck // then it is over anyway
	}
	for _, k := range h.kept[first:] {
		frame := k.frame
		if !c.can.Replays {
			err = c.sendFrame(keptFrame(frame), nil)
		} else {
			err = c.sendAll(outbox.NewBlock(frame), OverflowDisconnect, nil)
		}
		if err != nil && c.isEnded() {
			break
		}
		if err != nil {
			unfit = append(unfit, err)
		}
	}
	if c.can.Replays && first < len(h.kept) {
		c.sendOwn(wire.AppendReplayEnd(nil, h.group)) //nolint:errcheck // then it is over anyway
	}
	return unfit, c.endedError()
}
