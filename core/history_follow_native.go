//go:build !js

package core

import (
	"slices"
	"sync/atomic"
	"time"

	"github.com/hisock/hisock/core/internal/history"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/wire"
)

// A followed is a group whose log the server follows, since it has members here or somebody waits for its messages. Its kept
// messages are in the server's history.Store.
//
// A group is live, or it is being read. While it is live, each part that comes next in its log goes to the members at once. Anything else makes it be
// read: then parts wait in ahead, and newcomers in waiting, until the read is over.
type followed struct {
	name  string
	token string

	// Guarded by the turn of the group.
	reading bool          // somebody reads the group, or will
	ahead   []HistoryPart // the parts that have come meanwhile
	bytes   int           // of ahead
	again   bool          // there was no room for some of them
	tries   int           // how often it was read again since a part in ahead did not fit
	waiting []newcomer
	over    bool // it is not in the map any more

	heard atomic.Int64 // when a part or a read came last, in ns since 1970
}

// A newcomer waits for the messages of a group.
type newcomer struct {
	c     *Conn
	told  wire.Position // the position that the client has told
	again bool          // it has called [Group.Replay], and may be no member
	n     int           // so many of the last messages, then

	passed []uint64 // the numbers of messages that leave the client out
}

// Bounds of what waits for a read, in bytes: of one group, and of all.
const (
	maxAhead    = 256 << 10
	maxAllAhead = 16 << 20
	aheadCost   = 64
)

// joined gives a client that has just become a member the messages of the group that it has not had, now or when the group has been read: it is
// read if there is no copy here, and if the client may have had more of the group, at another server, than this server. It returns
// an error for each message that cannot be sent to this peer. The caller has begun the group.
func (d *sharedHistory) joined(h *history.Group, group string, c *Conn, told wire.Position) (unfit []error) {
	h.Enlist()
	f := d.follow(group)
	if _, _, whole := h.At(); whole && !f.reading && !h.Ahead(&c.atServer.marks, told) {
		return c.replay(h, h.Behind(&c.atServer.marks, told), false)
	}
	f.waiting = append(f.waiting, newcomer{c: c, told: told})
	d.mustRead(f)
	return nil
}

// left takes a member out that leaves a group. found says whether others could find it there. The caller has begun the group.
func (d *sharedHistory) left(h *history.Group, group string, c *Conn, found bool) {
	f := d.find(historyToken(group))
	if f != nil {
		waited := len(f.waiting)
		f.waiting = slices.DeleteFunc(f.waiting, func(n newcomer) bool { return n.c == c && !n.again })
		if len(f.waiting) < waited {
			h.Withdraw()
			d.tidy(h, f)
			return
		}
	}
	h.Leave(&c.atServer.marks, found)
	if f != nil {
		d.tidy(h, f)
	}
}

// gone takes a member out whose connection has ended.
func (d *sharedHistory) gone(group string, c *Conn) {
	f := d.find(historyToken(group))
	if f == nil {
		return
	}
	h := d.srv.store.Begin(group)
	f.waiting = slices.DeleteFunc(f.waiting, func(n newcomer) bool { return n.c == c })
	if !f.over {
		d.tidy(h, f)
	}
	h.End(false)
}

// given returns how far a member has been given a group, or no epoch if it still waits for the group's messages. The caller has begun the group.
func (d *sharedHistory) given(h *history.Group, group string, c *Conn) (epoch, number uint64) {
	f := d.find(historyToken(group))
	if f == nil || slices.ContainsFunc(f.waiting, func(n newcomer) bool { return n.c == c && !n.again }) {
		return 0, 0
	}
	epoch, number, _ = h.At()
	return epoch, number
}

// follow returns what is known of a group, and makes it followed. The caller has begun the group.
func (d *sharedHistory) follow(group string) *followed {
	d.start()
	token := historyToken(group)
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.groups[token]
	if f == nil {
		f = &followed{name: group, token: token}
		d.groups[token] = f
	}
	return f
}

// find returns what is known of a group that is followed, or nil.
func (d *sharedHistory) find(token string) *followed {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.groups[token]
}

// tidy ends following a group that nobody needs. The caller has begun the group.
func (d *sharedHistory) tidy(h *history.Group, f *followed) {
	if f.over || len(f.waiting) > 0 || d.srv.roster.LenIn(f.name) > 0 {
		return
	}
	d.mu.Lock()
	delete(d.groups, f.token)
	d.mu.Unlock()
	f.over = true
	d.dropAhead(f)
	h.Unfollow()
	d.queueOf(f.token).put(f.token)
}

func (d *sharedHistory) dropAhead(f *followed) {
	d.ahead.Add(-int64(f.bytes))
	f.ahead, f.bytes, f.again = nil, 0, false
}

// mustRead has a group read. The caller has begun the group.
func (d *sharedHistory) mustRead(f *followed) {
	if !f.reading {
		f.reading = true
		d.queueOf(f.token).put(f.token)
	}
}

// A historyHandler is a shared history as its store sees it: a [HistoryHandler].
type historyHandler sharedHistory

// Missed has all groups read.
func (h *historyHandler) Missed() {
	d := (*sharedHistory)(h)
	for _, f := range d.all() {
		g := d.srv.store.Begin(f.name)
		if !f.over {
			d.mustRead(f)
		}
		g.End(false)
	}
}

// all returns all groups that are followed.
func (d *sharedHistory) all() []*followed {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := make([]*followed, 0, len(d.groups))
	for _, f := range d.groups {
		all = append(all, f)
	}
	return all
}

// Appended gives the members a part of the log of their group.
func (h *historyHandler) Appended(token string, part HistoryPart) {
	d := (*sharedHistory)(h)
	f := d.find(token)
	if f == nil || !isPart(&part) {
		return
	}
	g := d.srv.store.Begin(f.name)
	var t trouble
	switch {
	case f.over:
	case f.reading:
		d.keepAhead(f, part)
	case !d.apply(g, f, part, nil, &t):
		d.keepAhead(f, part)
		d.mustRead(f)
	}
	g.End(len(part.Messages) > 0)
	d.report(&t)
}

// isPart reports whether a part can be one: its numbers do not overflow.
func isPart(p *HistoryPart) bool {
	return p.Epoch != 0 && p.First != 0 && p.Next() >= p.First && p.Forgotten <= p.Next()
}

// keepAhead keeps a copy of a part until the group has been read.
func (d *sharedHistory) keepAhead(f *followed, part HistoryPart) {
	size := aheadCost
	for _, m := range part.Messages {
		size += len(m) + aheadCost
	}
	if f.bytes+size > maxAhead || d.ahead.Load() > maxAllAhead {
		f.again = true
		return
	}
	part.Messages = slices.Clone(part.Messages)
	for i, m := range part.Messages {
		part.Messages[i] = slices.Clone(m)
	}
	f.ahead = append(f.ahead, part)
	f.bytes += size
	d.ahead.Add(int64(size))
}

// A trouble is what went wrong in the turn of a group. It is reported afterwards, since the error hook may use the group.
type trouble struct {
	bad    *Error // the first message that was refused
	faulty []unsent
	unfit  []unfitFor
}

// An unfitFor is a client that cannot be given some replayed messages.
type unfitFor struct {
	c    *Conn
	errs []error
}

// report reports a trouble.
func (d *sharedHistory) report(t *trouble) {
	if t.bad != nil {
		d.srv.eng.faultOf(nil, "a message in the store of history is refused", t.bad)
	}
	for _, u := range t.unfit {
		d.srv.reportUnsent(u.c, u.errs)
	}
	var told faults
	for _, one := range t.faulty {
		if one.c.move.Load() == nil { // else its session moves to another node, which follows the group too
			told.note(one.c, one.err)
		}
	}
	if told.conns > 0 {
		told.log(d.srv.eng.log, "clients cannot be sent what all are sent")
	}
}

// apply gives conns, or all members if it is nil, a part of the log, if it is the next one, and reports true. It also reports true if the members
// have had the part. The caller has begun the group.
func (d *sharedHistory) apply(h *history.Group, f *followed, part HistoryPart, conns []*Conn, t *trouble) bool {
	f.heard.Store(time.Now().UnixNano())
	epoch, last, _ := h.At()
	if part.Epoch != epoch || part.First > last+1 {
		return false
	}
	h.ForgetBefore(part.Forgotten)
	if part.Next() <= last {
		return true
	}
	for _, data := range part.Messages[last+1-part.First:] {
		d.deliver(h, f, data, conns, t)
	}
	return true
}

// deliver gives the next message of a group's log to conns, or to all members if it is nil, and keeps it.
func (d *sharedHistory) deliver(h *history.Group, f *followed, data []byte, conns []*Conn, t *trouble) {
	s := d.srv
	if conns == nil {
		conns = s.roster.In(f.name)
	}
	m, set, except, err := d.parse(f.name, data)
	if err != nil {
		d.count.refused.Add(1)
		if t.bad == nil {
			t.bad = err
		}
		passed := h.Skip()
		for _, c := range conns {
			if c.takesReplays() {
				c.out.Send(passed, outbox.Beside) // only if there is room
			}
		}
		return
	}
	d.count.delivered.Add(1)
	kept := h.Keep(m.Command, m.Payload, m.Kind == KindRaw)
	_, number, _ := h.At()
	for _, id := range except {
		if i := slices.IndexFunc(conns, func(c *Conn) bool { return c.id == id }); i >= 0 {
			set.buts = append(set.buts, conns[i])
		}
		for i := range f.waiting {
			if w := &f.waiting[i]; w.c.id == id && !w.again {
				w.passed = append(w.passed, number)
			}
		}
	}
	t.faulty = append(t.faulty, s.spread(h, conns, m, kept, set, nil)...)
}

// parse reads a message of the store, and returns the ids of connections of this server that it leaves out. It fails if no server can have written it.
func (d *sharedHistory) parse(group string, data []byte) (f Frame, set *sending, except []uint64, err *Error) {
	if len(data) < historyHead || data[0] != historyVersion {
		return f, nil, nil, NewError(CodeProtocol, "a message in the store of history is of another version")
	}
	m, fault := relay.ParseSend(data[historyHead:])
	switch {
	case fault != relay.None:
		return f, nil, nil, NewError(CodeProtocol, "a message in the store of history is malformed: "+fault.String())
	case m.To != relay.ToGroup || m.Name != group:
		return f, nil, nil, NewError(CodeProtocol, "a message in the store of history is for somebody else")
	}
	f = Frame{Kind: KindCommand, Command: m.Command, Payload: m.Payload}
	if m.Raw {
		f.Kind = KindRaw
	} else if err := checkCommand(m.Command); err != nil {
		return f, nil, nil, err
	}
	for _, e := range m.Except {
		id, ok := e.Conn, e.Node == d.self
		if !ok {
			id, ok = d.srv.cluster.ownSession(e.Node, e.Conn)
		}
		if ok {
			except = append(except, id)
		}
	}
	return f, &sending{key: m.Key, as: form(m.Form), relayed: true}, except, nil
}
