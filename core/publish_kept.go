package core

import "github.com/hisock/hisock/core/wire"

// queueKept is queueAll for what a group keeps. Whoever does not have to be waited for has it before
// anybody else can send to the group, join or leave it: so all get the same messages in the same order.
// Those whose room is waited for get it later, perhaps behind what comes after it.
func (s *Server) queueKept(a audience, f Frame, set *sending) error {
	if f.Kind != KindRaw {
		if err := checkCommand(f.Command); err != nil {
			return err
		}
	}
	if set.ctx != nil && set.ctx.Err() != nil {
		return set.ctx.Err()
	}
	hs := s.histories
	h := hs.take(a.name)
	conns, err := s.present(a, set)
	if err != nil {
		hs.put(h, false)
		return err
	}
	type fault struct {
		c   *Conn
		err error
	}
	var faulty []fault // told when the history is back: the program hears of them
	var full []waiting
	var passed []byte
	once := s.eng.overflow.newBlock(f.Command, set, hs.keepLocked(h, f))
	blocks := s.eng.overflow.of(f.Command) == OverflowBlock
	for _, c := range conns {
		var err error
		switch {
		case set.leavesOut(c):
			if hs.opts.Replay && c.classic == nil {
				if passed == nil {
					passed = wire.AppendGroupPassed(nil, h.group, h.last)
				}
				c.sendIfRoom(passed)
			}
		case set.waits() || blocks && !c.Suspended():
			err = c.shareOrWait(f, once, set, &full)
		case blocks:
			err = c.sendAll(once, OverflowDisconnect, nil)
		case c.classic != nil:
			err = c.sendClassic(f, set)
		default:
			err = c.sendSpare(f.Command, once, set)
		}
		if err != nil {
			faulty = append(faulty, fault{c, err})
		}
	}
	hs.put(h, true)

	var unsent faults
	for _, one := range faulty {
		unsent.note(one.c, one.err)
	}
	err = awaitAll(full, set, &unsent)
	if unsent.conns > 0 {
		unsent.log(s.eng.log, "clients cannot be sent what all are sent", "group", a.name, "command", f.Command)
	}
	return err
}

// sendIfRoom queues a small frame if there is room for it beside what is kept for a resume.
func (c *Conn) sendIfRoom(frame []byte) {
	q := &c.out
	q.mu.Lock()
	if q.closed || q.bytes+q.keep.bytes+len(frame) > q.limit {
		q.mu.Unlock()
		return
	}
	q.commitLocked(append(q.spaceLocked(len(frame)), frame...))
	c.queued()
}
