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
//	announce      one goroutine at a time tells others about a client: how the client stands now
//	tellOthers    for each receiver the option says what it is told; no lock is held
//	tellNotices   a notice goes into the receiver's queue while the queue holds little; otherwise the
//	              change waits in the receiver's box until the queue has drained (moreNotices)

// An announcement has the last standing of a client that other clients have been told.
type announcement struct {
	mu   lock.Mutex[lock.Announcement] // held while the server changes the client's name or groups; guards the fields below
	here bool                          // others are to know of the client
	busy bool                          // a goroutine is telling others
	told standing                      // last standing that others have been told
}

// A standing is whether a client is there, and its name.
type standing struct {
	here bool
	name string // empty if the client is not there
}

// come tells others that c is there.
func (s *Server) come(c *Conn) {
	c.atServer.announced.mu.Lock()
	c.atServer.announced.here = true
	c.atServer.announced.mu.Unlock()
	s.announce(c)
}

// leave tells others that c is not there any more, and then releases its name.
func (s *Server) leave(c *Conn) {
	c.atServer.announced.mu.Lock()
	c.atServer.announced.here = false
	s.roster.Abandon(&c.who)
	c.atServer.announced.mu.Unlock()
	s.announce(c)
}

// deafen ends the notices to c, which is about to end.
func (s *Server) deafen(c *Conn) {
	if c.atServer.notices != nil {
		c.atServer.notices.Close()
		c.countNotices()
	}
}

// announce tells others what they do not know of c yet, and then releases the names that c has given up. If another
// goroutine is announcing c at this moment, announce leaves that to it.
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
	defer func() { // also if the function of Access.Notices ends its goroutine
		n.mu.Lock()
		n.busy = false
		s.roster.Release(c, &c.who, freed)
		s.unclaim(freed, "")
	}()
	n.mu.Unlock()
	if before != now {
		s.tellOthers(c, before, now)
		s.cluster.announce(c, now)
	}
	return true
}

// tellOthers tells the subscribers, except c itself, what has changed about c.
func (s *Server) tellOthers(c *Conn, before, now standing) {
	s.tellAll(c.id, c, before, now, func(to *Conn, at standing, v *notices.View) bool { return s.shown(to, c, at, v) })
}

// tellAll tells the subscribers, except one, what has changed about a client. show fills a view with everything that a
// subscriber is shown of it, and reports false if that is nothing.
func (s *Server) tellAll(subject uint64, except *Conn, before, now standing, show func(to *Conn, at standing, v *notices.View) bool) {
	var m mailing
	var unfit []*Conn
	for _, to := range s.roster.Subscribers() {
		if to == except {
			continue
		}
		known, knows := show(to, before, &m.was), show(to, now, &m.is)
		if !known && !knows {
			continue
		}
		ch := m.change(subject, known, knows)
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

// shown fills v with everything that the client to is shown of the client of, whose standing is at. It reports false if
// to is shown nothing. No lock is held.
func (s *Server) shown(to, of *Conn, at standing, v *notices.View) bool {
	*v = notices.View{Presence: Presence{Name: at.name}}
	switch {
	case !at.here:
		return false
	case s.opts.Access.Notices != nil:
		if !s.askNotices(to, of, &v.Presence) {
			return false
		}
	default: // to is a client of the original: native clients have no box without the option
		v.Addr = of.Addr()
		g := of.legacyGroup()
		if g != "" && (!s.guarded() || to.InGroup(g)) {
			v.Groups = []string{g}
		}
	}
	to.legacy.shows(of, v)
	return true
}

// guarded reports whether groups may be known to their members only.
func (s *Server) guarded() bool {
	return s.opts.Access.Authorize != nil || s.opts.Access.AuthorizeGroup != nil
}

// askNotices runs the function of Access.Notices, and checks its answer: a client that is told an invalid name would
// end its connection.
func (s *Server) askNotices(to, of *Conn, p *Presence) (tell bool) {
	defer s.eng.recover(of, "option Notices")
	name := p.Name
	if !s.opts.Access.Notices(to, of, p) {
		return false
	}
	return s.checkPresence(of, name, p)
}

// checkPresence reports whether clients may be told what the option Notices has made of a client of that name. of is nil for a client of another node.
func (s *Server) checkPresence(of *Conn, name string, p *Presence) bool {
	if p.Name != "" && p.Name != name {
		if err := checkName(p.Name, s.opts.Limits.MaxName); err != nil {
			s.eng.faultOf(of, "the option Notices gave an invalid name", wrapError(CodeInternal, "option Notices", err))
			return false
		}
	}
	for _, g := range p.Groups {
		if err := checkName(g, s.opts.Limits.MaxName); err != nil {
			s.eng.faultOf(of, "the option Notices gave an invalid group", wrapError(CodeInternal, "option Notices", err))
			return false
		}
	}
	return utf8.ValidString(p.Addr)
}

// A mailing is one change of a client on its way to many receivers. Receivers that are shown the same share its frames.
type mailing struct {
	was, is notices.View // what the current receiver is shown of the client, before and after the change
	last    notices.Change
	frames  [1 + maxNoticeForm]*outbox.Block // the frames of last: native, and in the forms of the original
}

// change returns the change from was to is. known and knows say whether the receiver is shown the one and the other. The
// next receiver may share the change.
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

// frame returns the frame that tells a receiver of ch, or nil if no frame can.
func (m *mailing) frame(to *Conn, ch notices.Change) *outbox.Block {
	kind := to.legacy.noticeForm()
	shares := ch == m.last
	if !shares || m.frames[kind] == nil {
		k := outbox.NewBlock(to.legacy.change(ch, true))
		if !shares {
			return to.fitting(k, ch)
		}
		m.frames[kind] = k
	}
	return to.fitting(m.frames[kind], ch)
}

// fitting returns k if the client reads a frame of that size, or else the same notice without groups if it reads that,
// or else nil.
func (c *Conn) fitting(k *outbox.Block, ch notices.Change) *outbox.Block {
	switch {
	case k.Size() == 0:
		return nil
	case c.fits(k.Size()) == nil:
		return k
	}
	if b := c.legacy.change(ch, false); c.fits(len(b)) == nil {
		return outbox.NewBlock(b)
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

// tellNotices queues a change, and then the changes that wait in the box, until there is too little room. It reports
// false if a notice did not fit into a frame that the client reads.
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
	if told > 1 { // some have waited in the box
		c.countNotices()
	}
	return fit
}

// countNotices counts the notices that wait, with the queue, for the bound on memory.
func (c *Conn) countNotices() {
	if !hasBudget {
		return
	}
	for counted := -1; ; {
		n := c.atServer.notices.Size()
		if n == counted {
			return
		}
		c.out.CountNotices(n)
		counted = n // another goroutine may have changed and counted them between Size and CountNotices
	}
}

// moreNotices queues the notices that wait, after the queue has drained.
func (c *Conn) moreNotices() {
	if ch, ok := c.atServer.notices.Start(); ok {
		c.tellNotices(ch, new(mailing))
		c.countNotices()
	}
}

// TellNobody is for [Access.Notices]: no client, of the original neither, is told of other clients.
func TellNobody(_, _ *Conn, _ *Presence) bool { return false }

// TellNames is for [Access.Notices]: clients are told the names of other clients and nothing else.
func TellNames(_, _ *Conn, _ *Presence) bool { return true }

// TellGroups is for [Access.Notices]: clients are told the names of other clients, and the groups that they share with
// them.
func TellGroups(to, of *Conn, p *Presence) bool {
	for _, g := range of.Groups() {
		if to.InGroup(g) {
			p.Groups = append(p.Groups, g)
		}
	}
	return true
}

// TellAddrs is for [Access.Notices]: clients are told what [TellGroups] tells, and the addresses
// of other clients.
func TellAddrs(to, of *Conn, p *Presence) bool {
	p.Addr = of.Addr()
	return TellGroups(to, of, p)
}
