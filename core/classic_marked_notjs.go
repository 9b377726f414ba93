//go:build !js

package core

import (
	"context"
	"reflect"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/internal/shape"
	"github.com/hisock/hisock/core/wire"
)

// What is peculiar to the dialects with markers, those of 2.x and 3.0a.

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

// markedFrame is frame for a peer with markers. It has been checked.
func (p *classicPeer) markedFrame(f Frame, as form) ([]byte, error) {
	const around = 64 // markers, and a format of no great length
	b := make([]byte, 0, classic.Size(p.headerLen, len(f.Command)+len(f.Payload)+around))
	appendTo := classic.AppendPlain
	if p.manner().typed {
		appendTo = classic.AppendTyped
	}
	b, err := appendTo(b, p.headerLen, f.Command, classic.Form(as), f.Payload)
	if err != nil {
		return nil, wireError(err)
	}
	return b, nil
}

var errNoRaw = NewError(CodeUnsupported, "hisock 2.0 and later have no raw messages")

// welcome is the first frame that a client gets: releases with markers tell a newcomer, too, that it
// has come.
func (p *classicPeer) welcome(c *Conn) []byte {
	if p == nil || !p.manner().markers {
		return nil
	}
	return p.notice(c.ownView(), true)
}

// refusal is what a newcomer is told that is not let in: that it is disconnected. Of those who know that
// word one that is told nothing never finds out, or ends its program; to one of 0.0.2 it is a raw
// message. Whoever has not said a proper hello may not be able to read it.
func (p *classicPeer) refusal() []byte {
	if !p.welcomed && !p.manner().markers {
		return nil
	}
	return classic.AppendDismissal(nil, p.headerLen)
}

// lastWord is what the peer is sent in place of a goodbye, if it is to be sent one.
func (p *classicPeer) lastWord(bye *wire.Goodbye) []byte {
	switch {
	case bye == nil, p.dialect() == Dialect002 && p.toServer:
		return nil
	case p.toServer:
		return classic.AppendLeaving(nil, p.headerLen)
	}
	return classic.AppendDismissal(nil, p.headerLen)
}

// resets reports whether the peer is left by a reset, and whether it may end the stream itself before.
func (p *classicPeer) resets() (resets, waits bool) {
	return p.toServer && !p.manner().markers, p.dialect() == Dialect1x
}

// aliveProbe is what the peer is sent to find out whether it is alive, or nil if it would not answer.
func (p *classicPeer) aliveProbe() []byte {
	if p.toServer || !p.manner().alive {
		return nil
	}
	return classic.AppendAliveProbe(nil, p.headerLen)
}

// receiveMarked is receive for a peer with markers.
func (p *classicPeer) receiveMarked(c *Conn, rd *reader, f wire.Frame) bool {
	if c.server {
		p.settle(c, f.Body)
	}
	switch kind, _ := p.kindOf(f.Body, c.server); kind {
	case classic.KindLeaving:
		p.left(c, rd)
	case classic.KindDismissal:
		p.dismissed(c, rd)
	case classic.KindAliveProbe:
		c.sendOwn(classic.AppendAliveAnswer(nil, p.headerLen)) //nolint:errcheck // then it is over anyway
	case classic.KindAliveAnswer:
	case classic.KindLoose:
		return p.receiveRaw(c, rd, f)
	case classic.KindRecord:
		switch {
		case p.records.got(f.Body):
		case p.manner().typed:
			return c.dispatch(rd, f)
		default:
			return p.receiveRaw(c, rd, f)
		}
	case classic.KindNotice:
		if p.spokeOther(c, rd, f.Body) {
			return true
		}
		return c.dispatch(rd, f)
	case classic.KindCommand:
		if p.toServer && p.gotRecord(c, f.Body) || c.recv.waiting.Load() > 0 && p.gotAwaitedMarked(c, f.Body) {
			return true
		}
		return c.dispatch(rd, f)
	default:
		return c.dispatch(rd, f)
	}
	return true
}

func (p *classicPeer) gotAwaitedMarked(c *Conn, payload []byte) bool {
	name, content, err := p.parseMarked(payload, c.eng.maxFrame)
	return err == nil && c.recv.deliver(c, name, content)
}

// parseMarked returns the name of a command and its content as handlers here want it. Content that
// must be written anew for them fails if it is longer than most bytes.
func (p *classicPeer) parseMarked(payload []byte, most int) (name, content []byte, err error) {
	name, content, _, err = p.parseValue(payload, func([]byte) int { return most })
	return name, content, err
}

// parseValue is parseMarked, with the most that is taken of each command, that also returns what kind of
// value it is that the peer sent.
func (p *classicPeer) parseValue(payload []byte, most func(command []byte) int) (name, content []byte, v ValueKind, err error) {
	if p.dialect() == Dialect2x {
		name, content = classic.SplitPlain(payload)
		return name, content, ValueUnknown, nil
	}
	name, body := classic.SplitTyped(payload)
	if len(body) == 0 {
		return name, nil, ValueNone, nil
	}
	content, _, err = classic.ParseBody(body, max(most(name), 1))
	return name, content, valueKinds[classic.BodyKind(body)], err
}

// valueKinds are by the letters in which a body says the same.
var valueKinds = map[byte]ValueKind{
	'b': ValueBytes, 's': ValueText, 'i': ValueInteger, 'f': ValueFloat, 'l': ValueList, 't': ValueTuple, 'd': ValueMap, 0: ValueNone,
}

// runMarked is run for a peer with markers.
func (p *classicPeer) runMarked(c *Conn, payload []byte) {
	kind, rest := p.kindOf(payload, c.server)
	switch kind {
	case classic.KindRename, classic.KindRegroup, classic.KindAsk:
		p.wish(c, kind, rest)
	case classic.KindNotice:
		p.noticed(c, payload)
	case classic.KindLoose:
		c.runRaw(c.ctx, payload)
	case classic.KindRecord:
		c.eng.fault(c, NewError(CodeUnsupported, "the record of a client that nobody has asked for"))
	default:
		name, content, v, err := p.parseValue(payload, func(command []byte) int { return min(c.eng.maxFrame, c.eng.handlers.mostOf(command)) })
		if err != nil {
			e := wireError(err)
			c.eng.faultOf(c, faultText(e.Code), NewError(e.Code, "command "+safe.Text(string(name))+": "+e.Message), "command", string(name))
			return
		}
		c.runValue(name, content, v)
	}
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
		c.eng.owner.(*Client).presence(c, noticeKind(came), "", presenceOf(who))
	}
}

// abbreviates reports whether a peer of 2.x may mean by payload what it has no text for: zero, false and
// whatever is empty by nothing, and true by one byte.
func (p *classicPeer) abbreviates(payload []byte) bool {
	return len(payload) <= 1 && p.dialect() == Dialect2x && (len(payload) == 0 || payload[0] == 0)
}

// abbreviated is what such a payload means to who takes a T. It reports false if it means nothing else than
// what it is.
func abbreviated[T any](payload []byte) (v T, ok bool) {
	if len(payload) == 0 {
		return v, true
	}
	if is := reflect.ValueOf(&v).Elem(); is.Kind() == reflect.Bool {
		is.SetBool(true)
		return v, true
	}
	return v, false
}

// runValue is runCommand for a payload of which the peer has said what kind of value it is.
func (c *Conn) runValue(name, payload []byte, v ValueKind) {
	if v == ValueUnknown {
		c.runCommand(c.ctx, name, payload, nil)
		return
	}
	c.runCommand(context.WithValue(c.ctx, sentAsKey{}, v), name, payload, nil)
}
