package core

import (
	"container/list"
	"sync"

	"github.com/hisock/hisock/core/wire"
)

// histories are what a server keeps of its groups.
//
// Who sends to a group or replays to a newcomer takes its history first, which is a lock, and
// puts it back. The locks are taken in this order:
//
//	history.mu → Server.mu, histories.mu, those of members and queues
type histories struct {
	opts History

	mu     sync.Mutex          // guards the fields below
	groups map[string]*history // those that keep something, and those that are taken
	recent list.List           // of *history, those that keep something, the last sent to in front
}

type history struct {
	group string
	users int           // who have taken it or wait for that; guarded by histories.mu
	place *list.Element // in recent, or nil; guarded by histories.mu

	mu    sync.Mutex // guards the fields below
	kept  [][]byte   // native frames, shared with queues: nobody changes them
	bytes int
}

func newHistories(opts History) *histories {
	if opts.Messages == 0 {
		return nil
	}
	return &histories{opts: opts, groups: make(map[string]*history)}
}

// take returns the history of the group, locked.
func (hs *histories) take(group string) *history {
	hs.mu.Lock()
	h := hs.groups[group]
	if h == nil {
		h = &history{group: group}
		hs.groups[group] = h
	}
	h.users++
	hs.mu.Unlock()
	h.mu.Lock()
	return h
}

// put unlocks a history. If there was something sent to the group it is the one that is
// forgotten last.
func (hs *histories) put(h *history, sent bool) {
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
	if hs.recent.Len() > hs.opts.Groups {
		hs.dropLocked(hs.recent.Back().Value.(*history))
	}
	if h.users == 0 && h.place == nil {
		delete(hs.groups, h.group)
	}
}

// dropLocked forgets a history, unless somebody who has taken it sends to the group.
func (hs *histories) dropLocked(h *history) {
	if h.place == nil {
		return
	}
	hs.recent.Remove(h.place)
	h.place = nil
	if h.users == 0 {
		delete(hs.groups, h.group)
	}
}

// addLocked keeps a frame and lets go of the oldest beyond the bounds.
func (h *history) addLocked(frame []byte, opts *History) {
	h.kept = append(h.kept, frame)
	h.bytes += len(frame) + keptCost
	for len(h.kept) > opts.Messages || h.bytes > opts.Bytes {
		h.bytes -= len(h.kept[0]) + keptCost
		h.kept[0] = nil
		h.kept = h.kept[1:]
		if len(h.kept) == 0 {
			h.kept = nil
		}
	}
}

// replayLocked queues the last n frames for c, all if n is not above zero, as far as they fit
// into half of its queue. It returns why some cannot be sent to it at all, and why it
// has ended if it has.
func (h *history) replayLocked(c *Conn, n int) (unfit []error, err error) {
	if n <= 0 || n > len(h.kept) {
		n = len(h.kept)
	}
	c.out.mu.Lock()
	room := c.out.limit/2 - c.out.bytes
	c.out.mu.Unlock()
	first := len(h.kept)
	for first > len(h.kept)-n && room >= len(h.kept[first-1]) {
		first--
		room -= len(h.kept[first])
	}
	for _, frame := range h.kept[first:] {
		if c.classic != nil {
			err = c.sendClassic(keptFrame(frame), 0)
		} else {
			err = c.sendShared(shared(frame))
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
