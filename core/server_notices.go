package core

import (
	"slices"
	"unicode/utf8"

	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/notices"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/wire"
)

// What clients are told of one another, as [Access.Notices] allows. It takes three steps:
//
//	announce      one goroutine at a time tells of a client, the latest that holds
//	tellOthers    for each receiver the option says what it is told; no lock is held
//	tellNotices   into the receiver's queue while there is little in it; else the change
//	              waits in its box until the queue has drained (moreNotices)

// An announcement is what others have been told of a client. It says whose task telling is.
type announcement struct {
	mu   lock.Mutex[lock.Announcement] // held while the server changes the client's name or groups; guards the fields below
	here bool                          // others are to know of the client
	told standing                      // what they have been told
	busy bool                          // somebody tells them
}

// A standing is whether a client is there, and under which name.
type standing struct {
	here bool
	name string
}

// come and leave tell others that c is there, or is not any more.
func (s *Server) come(c *Conn) {
	c.atServer.announced.mu.Lock()
	c.atServer.announced.here = true
	c.atServer.announced.mu.Unlock()
	s.announce(c)
}

func (s *Server) leave(c *Conn) {
	c.atServer.announced.mu.Lock()
	c.atServer.announced.here = false
	s.roster.Abandon(&c.who)
	c.atServer.announced.mu.Unlock()
	s.announce(c)
}

// deafen lets c, which is about to end, be told nothing more of others.
func (s *Server) deafen(c *Conn) {
	if c.atServer.notices != nil {
		c.atServer.notices.Close()
		c.countNotices()
	}
}

// announce tells others what they do not know of c yet, and then releases the names that c had. If another
// goroutine announces c at this moment, that one does it.
func (s *Server) announce(c *Conn) {
	for s.announceOnce(c) {
	}
}

// announceOnce is one round of announce. It reports whether there was anything to do.
func (s *Server) announceOnce(c *Conn) bool {
	n := &c.atServer.announced
	n.mu.Lock()
	defer n.mu.Unlock()
	before, now := n.told, standing{n.here, c.Name()}
	if !now.here {
		now.name = ""
	}
	freed := s.roster.Freed(&c.who)
	if n.busy || before == now && len(freed) == 0 {
		return false
	}
	n.told, n.busy = now, true
	defer func() { // also when the option's function ends its goroutine
		n.mu.Lock()
		n.busy = false
		s.roster.Release(c, &c.who, freed)
	}()
	n.mu.Unlock()
	if before != now {
		s.tellOthers(c, before, now)
	}
	return true
}

// tellOthers tells the subscribers, except c itself, what has changed about c.
func (s *Server) tellOthers(c *Conn, before, now standing) {
	var m mailing
	var unfit []*Conn
	for _, to := range s.roster.Subscribers() {
		if to == c {
			continue
		}
		known, knows := s.shown(to, c, before, &m.was), s.shown(to, c, now, &m.is)
		if !known && !knows {
			continue
		}
		ch := m.change(c.id, known, knows)
		mine, missed := to.atServer.notices.Put(ch)
		if missed > 0 {
			to.out.Miss(missed)
		}
		switch {
		case !mine:
			to.countNotices()
		case !to.tellNotices(ch, &m):
			unfit = append(unfit, to)
		}
	}
	var unsent faults
	for _, to := range unfit {
		unsent.add(to, NewError(CodeTooBig, "a notice does not fit into a frame of the client"))
	}
	unsent.log(s.eng.log, "clients cannot be sent a notice")
}

// shown fills v with what a client is shown of another one that stands so. It reports false if the client is
// shown nothing. No lock is held.
func (s *Server) shown(to, of *Conn, at standing, v *notices.View) bool {
	*v = notices.View{Presence: Presence{Name: at.name}}
	switch {
	case !at.here:
		return false
	case s.opts.Access.Notices != nil:
		if !s.askNotices(to, of, &v.Presence) {
			return false
		}
	default: // to is a client of the original, which has no other way of hearing
		v.Addr = of.Addr()
		g := of.legacyGroup()
		if g != "" && (!s.guarded() || to.InGroup(g)) {
			v.Groups = []string{g}
		}
	}
	to.legacy.shows(of, v)
	return true
}

// guarded reports whether not everybody may know of every group.
func (s *Server) guarded() bool {
	return s.opts.Access.Authorize != nil || s.opts.Access.AuthorizeGroup != nil
}

// askNotices asks the option, and checks its answer: a client that is told an impossible name would give
// up its connection.
func (s *Server) askNotices(to, of *Conn, p *Presence) (tell bool) {
	defer s.eng.recover(of, "option Notices")
	name := p.Name
	if !s.opts.Access.Notices(to, of, p) {
		return false
	}
	if p.Name != "" && p.Name != name {
		if err := checkName(p.Name, s.opts.Limits.MaxName); err != nil {
			s.eng.faultOf(of, "the option Notices gave what cannot be", wrapError(CodeInternal, "option Notices", err))
			return false
		}
	}
	for _, g := range p.Groups {
		if err := checkName(g, s.opts.Limits.MaxName); err != nil {
			s.eng.faultOf(of, "the option Notices gave what cannot be", wrapError(CodeInternal, "option Notices", err))
			return false
		}
	}
	return utf8.ValidString(p.Addr)
}

// A mailing is one change on its way to many receivers: receivers that are shown the same share its frames.
type mailing struct {
	was, is notices.View // as the receiver is shown the client whose turn it is
	last    notices.Change
	frames  [1 + maxNoticeForm]*outbox.Block // of last: native, and in the forms of the original
}

// change returns the change from was to is, as far as the receiver knows the two. The next receiver may
// share it.
func (m *mailing) change(subject uint64, known, knows bool) notices.Change {
	before, after := m.last.Before, m.last.After
	if !known {
		before = nil
	} else if before == nil || !same(before, &m.was) {
		before = copyOf(&m.was)
	}
	if !knows {
		after = nil
	} else if after == nil || !same(after, &m.is) {
		after = copyOf(&m.is)
	}
	if ch := (notices.Change{Subject: subject, Before: before, After: after}); ch != m.last {
		m.last, m.frames = ch, [1 + maxNoticeForm]*outbox.Block{}
	}
	return m.last
}

func copyOf(v *notices.View) *notices.View {
	c := *v
	return &c
}

func same(a, b *notices.View) bool {
	return a.Name == b.Name && a.Addr == b.Addr && a.EmptyName == b.EmptyName && a.EmptyGroup == b.EmptyGroup &&
		slices.Equal(a.Groups, b.Groups)
}

// frame returns the frame that tells a receiver of ch, or nil if none does.
func (m *mailing) frame(to *Conn, ch notices.Change) *outbox.Block {
	kind := to.legacy.noticeForm()
	shares := ch == m.last
	if !shares || m.frames[kind] == nil {
		k := outbox.NewBlock(to.legacy.change(ch))
		if !shares {
			return to.fitting(k, ch)
		}
		m.frames[kind] = k
	}
	return to.fitting(m.frames[kind], ch)
}

// fitting returns k; or, for a client that reads only shorter frames, the same notice without groups; or nil.
func (c *Conn) fitting(k *outbox.Block, ch notices.Change) *outbox.Block {
	switch {
	case k.Size() == 0:
		return nil
	case c.fits(k.Size()) == nil:
		return k
	}
	if c.can.Native {
		if b := appendChange(ch, false); c.fits(len(b)) == nil {
			return outbox.NewBlock(b)
		}
	}
	return nil
}

func appendChange(ch notices.Change, groups bool) []byte {
	switch {
	case ch.Before != nil && ch.After != nil:
		return wire.AppendRenamed(nil, ch.Before.Name, ch.After.Name, ch.After.Addr)
	case ch.After != nil:
		return wire.AppendJoined(nil, without(ch.After, groups))
	}
	return wire.AppendLeft(nil, without(ch.Before, groups))
}

func without(v *notices.View, groups bool) *Presence {
	if groups {
		return &v.Presence
	}
	return &Presence{Name: v.Name, Addr: v.Addr}
}

// tellNotices queues a change, and what waits behind it, until there is too little room. It reports
// false if something did not fit into a frame that the client reads.
func (c *Conn) tellNotices(ch notices.Change, m *mailing) (fit bool) {
	fit = true
	told := 0
	for ok := true; ok; ch, ok = c.atServer.notices.Next() {
		frame := m.frame(c, ch)
		switch {
		case frame == nil:
			c.out.Miss(1)
			fit = false
		case !c.out.ShareNotice(frame) && !c.atServer.notices.Back(ch):
			c.countNotices()
			return fit
		}
		told++
	}
	if told > 1 { // some have waited
		c.countNotices()
	}
	return fit
}

// countNotices counts the notices that wait, with the queue, for the bound on memory.
func (c *Conn) countNotices() {
	if !hasBudget {
		return
	}
	c.out.CountNotices(c.atServer.notices.Size())
}

// moreNotices queues the notices that wait: the queue has drained.
func (c *Conn) moreNotices() {
	if ch, ok := c.atServer.notices.Start(); ok {
		c.tellNotices(ch, new(mailing))
		c.countNotices()
	}
}

// TellNobody is for [Access.Notices]: no client hears of another, classic ones included.
func TellNobody(_, _ *Conn, _ *Presence) bool { return false }

// TellNames is for [Access.Notices]: clients hear the names of others and nothing else.
func TellNames(_, _ *Conn, _ *Presence) bool { return true }

// TellGroups is for [Access.Notices]: clients hear the names of others, and those of their
// groups in which they are themselves.
func TellGroups(to, of *Conn, p *Presence) bool {
	for _, g := range of.Groups() {
		if to.InGroup(g) {
			p.Groups = append(p.Groups, g)
		}
	}
	return true
}

// TellAddrs is for [Access.Notices]: clients hear what [TellGroups] tells, and the addresses
// of others.
func TellAddrs(to, of *Conn, p *Presence) bool {
	p.Addr = of.Addr()
	return TellGroups(to, of, p)
}
