//go:build !js

package core

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/internal/notices"
	"github.com/hisock/hisock/core/wire"
)

// What a client of the original may ask its server for: another name, another group, the record of
// another client.

// wish handles what a client asks for, in its turn. rest is what stands behind the marker; in a dialect
// without markers nil means none.
func (p *classicPeer) wish(c *Conn, k classic.Kind, rest []byte) {
	keeps := p.manner().markers && len(rest) == 0 // what it has: there is no word for none
	switch {
	case k == classic.KindAsk:
		p.tell(c, string(rest))
	case keeps:
	case k == classic.KindRename:
		p.rename(c, classic.Label{Text: string(rest), Set: rest != nil})
	case k == classic.KindRegroup:
		p.regroup(c, classic.Label{Text: string(rest), Set: rest != nil})
	}
}

// rename is a client's wish for another name, or none.
func (p *classicPeer) rename(c *Conn, to classic.Label) {
	p.ask(c, wire.KindAskRename, to.Text)
	if c.Name() != to.Text {
		return
	}
	c.mu.Lock()
	p.hello.Name = to
	c.mu.Unlock()
}

// regroup is a client's wish to be in another group than the one it named last, or in none. Others that
// the server's program has put it into it stays in. Nobody is told.
func (p *classicPeer) regroup(c *Conn, to classic.Label) {
	c.mu.Lock()
	old := p.hello.Group
	c.mu.Unlock()
	group := to.Text
	if to == old && (group == "" || c.InGroup(group)) {
		return
	}
	if group != "" {
		if err := checkName(group, c.eng.maxName); err != nil {
			c.eng.fault(c, err)
			return
		}
	}
	if old.Text != "" && old.Text != group {
		p.ask(c, wire.KindAskLeave, old.Text)
	}
	now := to
	if group != "" {
		if p.ask(c, wire.KindAskJoin, group); !c.InGroup(group) { // it was refused
			now = classic.Label{}
		}
	}
	c.mu.Lock()
	p.hello.Group = now
	c.mu.Unlock()
}

// tell answers a client that asks for the record of another, in the form in which it can read it.
func (p *classicPeer) tell(c *Conn, who string) {
	var of *classic.Presence
	if v := p.record(c, who); v != nil {
		is := classicPresence(v)
		of = &is
	}
	m := p.manner()
	appendTo := classic.AppendRecord
	switch {
	case p.dialect() == Dialect2x:
		appendTo = classic.AppendRecordPlain
	case m.markers: // one of 2.x that nobody knows as such gets an error from this, one of 3.0a would end of the other
		appendTo = classic.AppendRecordTyped
	}
	answer := appendTo(nil, p.headerLen, of)
	switch {
	case !p.fits(answer):
		c.eng.fault(c, NewError(CodeTooBig, "the record of a client does not fit the header that is set for classic clients"))
	case m.markers:
		p.answers.add(c, answer)
	default:
		c.sendOwn(answer) //nolint:errcheck // then it is over anyway
	}
}

// recordDelay is how long the answer to a client of 2.x or 3.0a waits that asks for a record: it
// sends its question before it begins to listen for the answer, and misses one that is there at once.
const recordDelay = 10 * time.Millisecond

// answers are records that a client is about to be told, [recordDelay] after it has asked.
type answers struct {
	mu      sync.Mutex // guards the fields below
	waiting []byte
}

// maxAnswers is how many bytes of records wait at most. A client that asks for more at once is answered at
// once.
const maxAnswers = 4 << 10

// add sends an answer a moment later.
func (a *answers) add(c *Conn, answer []byte) {
	a.mu.Lock()
	first := len(a.waiting) == 0
	a.waiting = append(a.waiting, answer...)
	full := len(a.waiting) > maxAnswers
	a.mu.Unlock()
	switch {
	case full:
		a.send(c)
	case first && c.hold():
		time.AfterFunc(recordDelay, func() {
			a.send(c)
			c.exit()
		})
	}
}

func (a *answers) send(c *Conn) {
	a.mu.Lock()
	defer a.mu.Unlock() // so that they go out in their order
	if len(a.waiting) > 0 {
		c.sendOwn(a.waiting) //nolint:errcheck // then it is over anyway
		a.waiting = a.waiting[:0]
	}
}

// ownView is how a client is shown to itself.
func (c *Conn) ownView() *notices.View {
	v := &notices.View{Presence: Presence{Name: c.Name(), Addr: c.Addr()}}
	if g := c.classicGroup(); g != "" {
		v.Groups = []string{g}
	}
	c.showClassic(v)
	return v
}

// record returns how the client at an address, or the first to join of those who have that name, is
// shown to c, or nil. It finds nobody by what c would not be told.
func (s *Server) record(c *Conn, who string) *notices.View {
	for other := range s.at(classic.AskedAddr(who)) {
		if other == c {
			return c.ownView()
		}
		if v := new(notices.View); s.shown(c, other, standing{true, other.Name()}, v) && v.Addr != "" {
			return v
		}
	}
	named := slices.SortedFunc(s.Named(who).Clients(), func(a, b *Conn) int { return cmp.Compare(a.id, b.id) })
	for _, other := range named {
		if other == c {
			return c.ownView()
		}
		if v := new(notices.View); s.shown(c, other, standing{true, who}, v) && v.Name == who {
			return v
		}
	}
	return nil
}
