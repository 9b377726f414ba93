//go:build !js

package core

import (
	"cmp"
	"reflect"
	"slices"

	"github.com/hisock/hisock/core/classic"
	"github.com/hisock/hisock/core/internal/notices"
	"github.com/hisock/hisock/core/internal/shape"
	"github.com/hisock/hisock/core/wire"
)

// What is peculiar to the dialect of 3.0a, whose commands say what kind of value they carry.

// dialect is which of the two the peer speaks.
func (p *classicPeer) dialect() Dialect {
	if p.typed {
		return Dialect30a
	}
	return Dialect002
}

// formOf is the form of the payload that encode makes of v.
func formOf(v any) form {
	switch v.(type) {
	case nil, struct{}, []byte:
		return form(classic.FormBytes)
	case string:
		return form(classic.FormText)
	case float32, float64:
		return form(classic.FormFloat)
	case bool, int, int64, uint64:
		return form(classic.FormJSON)
	}
	s := shape.Of(reflect.TypeOf(v))
	if s.Out == shape.Codec {
		return form(classic.FormJSON)
	}
	to := s.Value(v)
	switch {
	case to == nil || s.Out == shape.Binary:
		return form(classic.FormBytes)
	case s.Out == shape.Text:
		return form(classic.FormText)
	}
	return formOf(to) // encode has found an end
}

func (p *classicPeer) typedFrame(f Frame, as form) ([]byte, error) {
	switch f.Kind {
	case KindCommand:
	case KindRaw:
		return nil, errTypedRaw
	default:
		return nil, errClassicCall
	}
	if err := checkCommand(f.Command); err != nil {
		return nil, err
	}
	if err := classic.CheckTyped(f.Command, p.toServer); err != nil {
		return nil, wireError(err)
	}
	const around = 64 // markers, and a format of no great length
	b := make([]byte, 0, classic.Size(p.headerLen, len(f.Command)+len(f.Payload)+around))
	b, err := classic.AppendTyped(b, p.headerLen, f.Command, classic.Form(as), f.Payload)
	if err != nil {
		return nil, wireError(err)
	}
	return b, nil
}

var errTypedRaw = NewError(CodeUnsupported, "hisock 3.0a has no raw messages")

// welcome is the first frame that a client gets: that release tells a newcomer, too, that it
// has come.
func (p *classicPeer) welcome(c *Conn) []byte {
	if p == nil || !p.typed {
		return nil
	}
	return p.notice(c.ownView(), true)
}

// refusal is what a newcomer is told that is not let in. A client of 3.0a that is told
// nothing never finds out, and one of 0.0.2 would not understand.
func (p *classicPeer) refusal() []byte {
	if !p.typed {
		return nil
	}
	return classic.AppendDismissal(nil, p.headerLen)
}

// lastWord is what the peer is sent in place of a goodbye, if it is to be sent one.
func (p *classicPeer) lastWord(bye *wire.Goodbye) []byte {
	switch {
	case bye == nil || !p.typed:
		return nil
	case p.toServer:
		return classic.AppendLeaving(nil, p.headerLen)
	}
	return classic.AppendDismissal(nil, p.headerLen)
}

// resets reports whether the peer is left by a reset.
func (p *classicPeer) resets() bool { return p.toServer && !p.typed }

// receiveTyped is receive for a peer of 3.0a.
func (p *classicPeer) receiveTyped(c *Conn, rd *reader, f wire.Frame) bool {
	switch kind, _ := classic.KindOf(f.Body, c.server); kind {
	case classic.KindLeaving:
		c.endRemote(remoteError(CodeClosed, "", 0))
		rd.r = rd.w
	case classic.KindDismissal:
		c.endRemote(remoteError(CodeClosed, "the server has disconnected this client", 0))
		rd.r = rd.w
	case classic.KindAliveProbe:
		c.sendOwn(classic.AppendAliveAnswer(nil, p.headerLen)) //nolint:errcheck // then it is over anyway
	case classic.KindAliveAnswer:
	case classic.KindCommand:
		if c.recv.waiting.Load() > 0 && p.gotAwaitedTyped(c, f.Body) {
			return true
		}
		return c.dispatch(rd, f)
	default:
		return c.dispatch(rd, f)
	}
	return true
}

func (p *classicPeer) gotAwaitedTyped(c *Conn, payload []byte) bool {
	name, content, err := p.parseTyped(c, payload, func([]byte) int { return c.eng.maxFrame })
	return err == nil && c.recv.deliver(c, name, content)
}

// parseTyped returns the name of a command and its content as handlers here want it. Content that
// must be written anew for them fails if it is longer than who asks for it takes.
func (p *classicPeer) parseTyped(c *Conn, payload []byte, most func(command []byte) int) (name, content []byte, err error) {
	name, body := classic.SplitTyped(payload)
	if body == nil {
		return name, nil, nil
	}
	content, _, err = classic.ParseBody(body, max(min(c.eng.maxFrame, most(name)), 1))
	return name, content, err
}

// runTyped is run for a peer of 3.0a.
func (p *classicPeer) runTyped(c *Conn, payload []byte) {
	kind, rest := classic.KindOf(payload, c.server)
	switch kind {
	case classic.KindRename:
		p.rename(c, string(rest))
	case classic.KindRegroup:
		p.regroup(c, string(rest))
	case classic.KindAsk:
		p.tell(c, string(rest))
	case classic.KindNotice:
		p.noticed(c, payload)
	case classic.KindRecord:
		c.eng.fault(c, NewError(CodeUnsupported, "the record of a client that nobody has asked for"))
	default:
		name, content, err := p.parseTyped(c, payload, c.eng.handlers.mostOf)
		if err != nil {
			e := wireError(err)
			c.eng.faultOf(c, faultText(e.Code), NewError(e.Code, "command "+printable(string(name))+": "+e.Message), "command", string(name))
			return
		}
		c.runCommand(c.ctx, name, content, nil)
	}
}

// rename is a client's wish for another name. Without a name it keeps the one it has.
func (p *classicPeer) rename(c *Conn, name string) {
	if name != "" {
		p.ask(c, wire.KindAskRename, name)
	}
}

// regroup is a client's wish to be in another group than the one it named last. Others that
// the server's program has put it into it stays in. Nobody is told.
func (p *classicPeer) regroup(c *Conn, group string) {
	c.mu.Lock()
	old := p.hello.Group
	c.mu.Unlock()
	if group == "" || group == old.Text && c.InGroup(group) {
		return
	}
	if err := checkName(group, c.eng.maxName); err != nil {
		c.eng.fault(c, err)
		return
	}
	if old.Text != "" && old.Text != group {
		p.ask(c, wire.KindAskLeave, old.Text)
	}
	p.ask(c, wire.KindAskJoin, group) // which may be refused
	var now classic.Label
	if c.InGroup(group) {
		now = classic.LabelOf(group)
	}
	c.mu.Lock()
	p.hello.Group = now
	c.mu.Unlock()
}

// tell answers a client that asks for the record of another, with the header that the
// original forgets.
func (p *classicPeer) tell(c *Conn, who string) {
	answer := classic.AppendNoRecord(nil, p.headerLen)
	if v := p.record(c, who); v != nil {
		answer = classic.AppendRecord(nil, p.headerLen, classicPresence(v))
	}
	if !p.fits(answer) {
		c.eng.fault(c, NewError(CodeTooBig, "the record of a client does not fit the header that is set for classic clients"))
		return
	}
	c.sendOwn(answer) //nolint:errcheck // then it is over anyway
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
	for other := range s.at(who) {
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

// noticed handles a notice at a client. The first is of its own coming, which is no news.
func (p *classicPeer) noticed(c *Conn, payload []byte) {
	who, came, _, err := classic.ParseNotice(payload)
	own := !p.greeted && came && who.Name == p.hello.Name && who.Group == p.hello.Group
	p.greeted = true
	switch {
	case err != nil:
		c.eng.fault(c, wireError(err))
	case !own:
		c.runPresence(noticeKind(came), "", presenceOf(who))
	}
}
