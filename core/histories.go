package core

import (
	"container/list"
	"sync"
	"sync/atomic"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/wire"
)

// histories are what a server keeps of its groups.
//
// Who sends to a group or replays to a newcomer takes its history first, which is a lock, and
// puts it back. The locks are taken in this order:
//
//	groupHistory.mu → Server.mu, histories.mu, those of members and queues
type histories struct {
	opts History
	last atomic.Uint64 // number of the message that was kept last, of any group

	mu     sync.Mutex               // guards the fields below
	groups map[string]*groupHistory // those that keep something, and those that are taken
	lastID uint64
	recent list.List // of *groupHistory, those that keep something, the last sent to in front
	budget *budget.Budget
	mem    budget.Meter // of those in recent
}

type groupHistory struct {
	id    uint64 // that no other has had
	group string
	users int           // who have taken it or wait for that; guarded by histories.mu
	place *list.Element // in recent, or nil; guarded by histories.mu
	held  int           // bytes that are counted in histories.mem; guarded by histories.mu

	mu    sync.Mutex    // guards the fields below
	kept  []keptMessage // oldest first
	bytes int
}

type keptMessage struct {
	number uint64
	frame  []byte // native, shared with queues: nobody changes it
}

func newHistories(opts History, of *budget.Budget) *histories {
	if opts.Messages == 0 {
		return nil
	}
	return &histories{opts: opts, groups: make(map[string]*groupHistory), budget: of}
}

// take returns the history of the group, locked.
func (hs *histories) take(group string) *groupHistory {
	hs.mu.Lock()
	h := hs.groups[group]
	if h == nil {
		hs.lastID++
		h = &groupHistory{id: hs.lastID, group: group}
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
	h.users--
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
		hs.dropLocked(hs.recent.Back().Value.(*groupHistory))
	}
	if h.users == 0 && h.place == nil {
		delete(hs.groups, h.group)
	}
}

// dropLocked forgets a history, unless somebody who has taken it sends to the group.
func (hs *histories) dropLocked(h *groupHistory) {
	if h.place == nil {
		return
	}
	hs.recent.Remove(h.place)
	h.place = nil
	hs.mem.Sub(hs.budget, h.held)
	h.held = 0
	if h.users == 0 {
		delete(hs.groups, h.group)
	}
}

// addLocked keeps a frame and lets go of the oldest beyond the bounds.
func (hs *histories) addLocked(h *groupHistory, frame []byte) {
	h.kept = append(h.kept, keptMessage{hs.last.Add(1), frame})
	h.bytes += len(frame) + keptCost
	for len(h.kept) > hs.opts.Messages || h.bytes > hs.opts.Bytes {
		h.bytes -= len(h.kept[0].frame) + keptCost
		h.kept[0] = keptMessage{}
		h.kept = h.kept[1:]
		if len(h.kept) == 0 {
			h.kept = nil
		}
	}
}

// leaveLocked notes how far c, which has just left the group, has followed it.
func (hs *histories) leaveLocked(h *groupHistory, c *Conn) {
	if len(h.kept) > 0 { // else all that will be kept comes later
		c.followed(true).Leave(h.id, h.kept[len(h.kept)-1].number)
	}
}

// joinLocked gives c, which is in the group now, what is kept of it and what c has not had.
func (h *groupHistory) joinLocked(c *Conn) (unfit []error) {
	var had uint64
	if m := c.followed(false); m != nil {
		had = m.Join(h.id)
	}
	n := 0
	for n < len(h.kept) && h.kept[len(h.kept)-1-n].number > had {
		n++
	}
	if n > 0 {
		unfit, _ = h.replayLocked(c, n)
	}
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

// replayLocked queues the last n frames for c, all if n is not above zero, as far as they fit
// into half of its queue. It returns why some cannot be sent to it at all, and why it
// has ended if it has.
func (h *groupHistory) replayLocked(c *Conn, n int) (unfit []error, err error) {
	if n <= 0 || n > len(h.kept) {
		n = len(h.kept)
	}
	c.out.mu.Lock()
	room := c.out.limit/2 - c.out.bytes
	c.out.mu.Unlock()
	first := len(h.kept)
	for first > len(h.kept)-n && room >= len(h.kept[first-1].frame) {
		first--
		room -= len(h.kept[first].frame)
	}
	for _, k := range h.kept[first:] {
		frame := k.frame
		if c.classic != nil {
			err = c.sendClassic(keptFrame(frame), nil)
		} else {
			err = c.sendAll(shared(frame), OverflowDisconnect, nil)
		}
		if err != nil && c.isEnded() {
			break
		}
		if err != nil {
			unfit = append(unfit, err)
		}
	}
	return unfit, c.endedError()
}

// keptFrame takes a frame apart that was put together here. Its payload is part of b.
func keptFrame(b []byte) Frame {
	f, _, _, _ := wire.Next(b, len(b))
	if f.Kind == wire.KindRaw {
		return Frame{Kind: KindRaw, Payload: f.Body}
	}
	name, payload, _ := wire.ParseCommand(f.Body)
	return Frame{Kind: KindCommand, Command: string(name), Payload: payload}
}
