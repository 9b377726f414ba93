//go:build !js

package core

import (
	"context"

	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/wire"
)

// history returns the messages of a group: the copy here if there is one, and otherwise what the store has.
func (d *sharedHistory) history(group string) []Frame {
	h := d.srv.store.Begin(group)
	f := d.find(historyToken(group))
	if _, _, whole := h.At(); whole && f != nil && !f.reading {
		defer h.End(false)
		return keptFrames(h)
	}
	h.End(false)
	d.start()
	ctx, cancel := context.WithTimeout(d.working, historyReadTime)
	defer cancel()
	select {
	case <-d.opened:
	case <-ctx.Done():
	}
	log := d.log.Load()
	if log == nil {
		d.srv.eng.faultOf(nil, "the store of history cannot be read", d.full())
		return nil
	}
	part, err := (*log).Read(ctx, historyToken(group), 0, 0)
	if err != nil {
		d.srv.eng.faultOf(nil, "the store of history cannot be read", wrapError(CodeUnavailable, "history store", err))
		return nil
	}
	frames := make([]Frame, 0, len(part.Messages))
	for _, data := range part.Messages {
		m, _, _, err := d.parse(group, data)
		if err != nil {
			continue
		}
		m.Payload = append([]byte(nil), m.Payload...)
		frames = append(frames, m)
	}
	return frames
}

// replayLater has the last n messages of a group given to a client when the group has been read, and reports true. It reports false if
// there is a copy here. The caller has begun the group.
func (d *sharedHistory) replayLater(h *history.Group, group string, c *Conn, n int) bool {
	f := d.follow(group)
	if _, _, whole := h.At(); whole && !f.reading {
		return false
	}
	f.waiting = append(f.waiting, newcomer{c: c, told: wire.Position{}, again: true, n: n})
	d.mustRead(f)
	return true
}

// forget has the messages of a group dropped after those that wait.
func (d *sharedHistory) forget(group string) {
	d.start()
	var now context.Context // it waits for nothing
	if err := d.put(now, history.Item{Group: historyToken(group), Last: true}); err != nil {
		d.srv.eng.faultOf(nil, "the history of a group cannot be forgotten", err)
	}
}
