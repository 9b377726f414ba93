//go:build !js

package core

import (
	"context"
	"reflect"
	"time"

	"github.com/hisock/hisock/core/internal/legacy"
	"github.com/hisock/hisock/core/internal/outbox"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/internal/shape"
	"github.com/hisock/hisock/core/wire"
)

// What a connection does whose peer speaks one of the original's dialects. Package legacy says what a frame asks for and how a
// message is written; here it is done. Nothing else in this package knows of dialects, but for the flags of caps and a few
// questions that begin with hasLegacy:
//
//	as it begins   speak, and the other file about how such a peer joins
//	reading        batchLegacy in the place of batch; ended
//	a turn         runLegacy, for a frame of kindLegacy
//	sending        sendLegacy, ownFrame, formOf
//	ending         Goodbye, unsaid
//	the sweeper    heartbeat, AliveProbe, sweepLegacy

// A legacyPeer is the peer of such a connection.
type legacyPeer struct {
	*legacy.Peer
	server  *Server // of which the peer is a client; nil at a client
	answers answers // at a server, records that the client has asked for
}

// The two packages number dialects and kinds of values alike.
var (
	_ = [1]struct{}{}[Dialect002-Dialect(legacy.V002)]
	_ = [1]struct{}{}[DialectUnknown-Dialect(legacy.Unknown)]
	_ = [1]struct{}{}[ValueMap-ValueKind(legacy.ValueMap)]
)

const maxNoticeForm = legacy.MaxForm

// speak notes that the peer speaks one of the original's dialects. Nobody else knows the connection yet.
func (c *Conn) speak(peer *legacyPeer) {
	if peer == nil {
		return
	}
	c.legacy, c.can, c.detour = peer, caps(peer.Caps()), true
	if !c.can.Control {
		c.out.Foreign()
	}
	if peer.server != nil {
		peer.SetPace(legacy.Pace{Rate: peer.server.opts.Classic.Pace, Part: c.eng.writeTimeout / 4, Progress: c.out.Progress})
	}
}

func (p *legacyPeer) dialect() Dialect { return Dialect(p.Dialect()) }

// batchLegacy is batch for a peer whose frames are not native.
func (c *Conn) batchLegacy(rd *reader) bool {
	if rd.r == rd.w || c.isEnded() { // then it is read only to see the peer's end
		rd.r = rd.w
		return true
	}
	size := rd.w - rd.r
	counts := c.guard.Counts()
	c.beginBatch(size)
	for rd.r < rd.w && !c.deaf(rd) {
		payload, size, ok, err := c.legacy.Next(rd.buf[rd.r:rd.w])
		if err != nil {
			c.endWith(wireError(err))
			break
		}
		if !ok {
			rd.need = size
			break
		}
		rd.r += size
		rd.need = 0
		if counts && !c.admits(kindLegacy) {
			break
		}
		if !c.receiveLegacy(rd, payload) {
			return false
		}
		if c.out.Pressed() { // by what the handlers send
			if !c.finishBatch(rd) {
				return false
			}
			c.beginBatch(rd.w - rd.r)
		}
	}
	if c.deaf(rd) {
		rd.r = rd.w
	}
	size -= rd.w - rd.r
	if !c.finishBatch(rd) {
		return false
	}
	c.hadBatch(0, size)
	return true
}

// receiveLegacy does what one frame asks for. It reports whether the reading is still the caller's.
func (c *Conn) receiveLegacy(rd *reader, payload []byte) bool {
	e := c.legacy.Route(payload)
	if e.Settled {
		c.sendHeld()
	}
	if e.Say != nil {
		c.sendOwn(e.Say) //nolint:errcheck // then it is over anyway
	}
	if e.Name != nil && c.recv.waiting.Load() > 0 {
		if content, _, err := c.legacy.Content(e.Body, c.eng.maxFrame); err == nil && c.recv.deliver(c, e.Name, content) {
			return true
		}
	}
	switch e.Do {
	case legacy.Turn:
		return c.dispatch(rd, wire.Frame{Kind: kindLegacy, Body: payload})
	case legacy.Either:
		if c.takesLegacy(e.Name, payload) {
			return c.dispatch(rd, wire.Frame{Kind: kindLegacy, Body: payload})
		}
		return c.receiveLoose(rd, payload)
	case legacy.Raw:
		return c.receiveLoose(rd, payload)
	case legacy.Left:
		c.endRemote(remoteError(CodeClosed, "", 0))
	case legacy.Dismissed:
		c.end(remoteError(CodeClosed, "the server has disconnected this client", 0), nil, ending{drain: true})
	case legacy.Foreign:
		c.endWith(NewError(CodeVersion, "the server speaks hisock "+Dialect(e.Speaks).String()+
			", and Classic.Dialect is set to "+c.legacy.dialect().String()))
	}
	return true
}

// receiveLoose handles a raw message.
func (c *Conn) receiveLoose(rd *reader, payload []byte) bool {
	return c.gotRaw(rd, payload) || c.dispatch(rd, wire.Frame{Kind: wire.KindRaw, Body: payload})
}

// takesLegacy reports whether a handler takes a payload as a command, of that name if it is not nil. Nothing in a dialect
// without markers tells commands from raw messages, so what no handler takes is raw.
func (c *Conn) takesLegacy(name, payload []byte) bool {
	hs := c.eng.handlers
	if c.legacy.matchesPrefix() {
		for _, h := range hs.order {
			if h.begins(payload) {
				return true
			}
		}
	}
	return name != nil && (hs.commands[string(name)] != nil || hs.anyCommand != nil)
}

// matchesPrefix reports whether commands match by how a payload begins, as in 0.0.2.
func (p *legacyPeer) matchesPrefix() bool { return p.server != nil && p.server.opts.Classic.Prefix }

// begins reports whether a payload begins with the handler's command.
func (h *handler) begins(payload []byte) bool {
	return len(payload) >= len(h.name) && string(payload[:len(h.name)]) == h.name
}

// ended returns what the end of the stream means, if that is nothing of the native protocol: rest is how many bytes of an unfinished
// frame have come.
func (p *legacyPeer) ended(rest int, err error) *Error {
	switch p.Ended(rest, err) {
	case legacy.EndLeft:
		return remoteError(CodeClosed, "", 0)
	case legacy.EndUnheard:
		return wrapError(CodeConnLost, "the server ended the connection without a word: if it did so at once, "+
			"it is of another release or has another header, see ClientOptions.Classic", err)
	}
	return nil
}

// runLegacy handles a frame in its turn.
func (c *Conn) runLegacy(payload []byte) {
	m := c.legacy.Parse(payload)
	switch m.Is {
	case legacy.CommandMessage:
		c.runNamed(m.Name, m.Body)
	case legacy.RawMessage:
		c.runRaw(c.life.ctx, m.Body)
	case legacy.EitherMessage:
		switch {
		case c.legacy.matchesPrefix():
			c.runPrefix(m, payload)
		case c.takesLegacy(m.Name, payload):
			c.runCommand(c.life.ctx, m.Name, m.Body, nil)
		default:
			c.runRaw(c.life.ctx, payload)
		}
	case legacy.NoticeMessage:
		k := wire.KindLeft
		if m.Came {
			k = wire.KindJoined
		}
		c.eng.owner.(*Client).presence(c, k, "", m.Who)
	case legacy.RenameMessage:
		c.renameLegacy(m.Wish)
	case legacy.RegroupMessage:
		c.regroupLegacy(m.Wish)
	case legacy.AskMessage:
		c.answerLegacy(m.Wish.Text)
	case legacy.FaultyMessage:
		c.eng.fault(c, wireError(m.Why))
	}
}

// runNamed runs the handler of a command of which the peer may have said what kind of value it carries.
func (c *Conn) runNamed(name, body []byte) {
	content, v, err := c.legacy.Content(body, min(c.eng.maxFrame, c.eng.handlers.mostOf(name)))
	if err != nil {
		e := wireError(err)
		c.eng.faultOf(c, faultText(e.Code), NewError(e.Code, "command "+safe.Text(string(name))+": "+e.Message), "command", string(name))
		return
	}
	ctx := c.life.ctx
	if v != legacy.ValueUnsaid {
		ctx = context.WithValue(ctx, sentAsKey{}, ValueKind(v))
	}
	c.runCommand(ctx, name, content, nil)
}

// runPrefix runs every handler whose command the payload begins with, in the order of their
// registration, with what follows the byte behind it; then the message handler. It is
// what the original does. A command that no handler takes is for the handler of any command.
func (c *Conn) runPrefix(m legacy.Message, payload []byte) {
	hs := c.eng.handlers
	ran := false
	for _, h := range hs.order {
		if h.begins(payload) {
			ran = true
			c.startHandler(c.life.ctx, h, Frame{KindCommand, h.name, payload[min(len(h.name)+1, len(payload)):]}, nil)
		}
	}
	switch {
	case !ran && m.Name != nil && hs.anyCommand != nil:
		c.runCommand(c.life.ctx, m.Name, m.Body, nil)
	case hs.message != nil:
		c.startHandler(c.life.ctx, hs.message, Frame{Kind: KindRaw, Payload: payload}, nil)
	}
}

// sendLegacy sends f in the peer's form.
func (c *Conn) sendLegacy(f Frame, set *sending) error {
	frame, err := c.ownFrame(f, set)
	switch {
	case frame == nil:
		return err
	case set.waits():
		return c.sendAll(outbox.NewBlock(frame), OverflowDisconnect, set)
	}
	return c.sendByPolicy(f.Command, c.eng.overflow.newBlock(f.Command, set, frame))
}

// ownFrame returns f as the peer reads it, or nil if it is held back or cannot be sent.
func (c *Conn) ownFrame(f Frame, set *sending) ([]byte, error) {
	if f.Kind != KindRaw && f.Kind != KindCommand {
		return nil, errNoCalls
	}
	o := legacy.Outgoing{Raw: f.Kind == KindRaw, Command: f.Command, Payload: f.Payload}
	if set != nil {
		o.As, o.Key = legacy.Form(set.as), set.key
	}
	if c.legacy.Holds() {
		if held, err := c.holdBack(o, set); held {
			return nil, err
		}
	}
	frame, err := c.legacy.Encode(&o)
	if err != nil {
		return nil, wireError(err)
	}
	return frame, nil
}

// holdBack holds a message back if it cannot be said yet, and reports whether it did: it is sent later, or
// fails as the policy for it says of one for which there is no room. Waiting for room could be waiting for
// ever, so that nobody does.
func (c *Conn) holdBack(o legacy.Outgoing, set *sending) (held bool, err error) {
	if err := c.legacy.Check(&o); err != nil {
		return true, wireError(err)
	}
	if c.isEnded() {
		return true, c.closedError()
	}
	policy := c.eng.overflow.of(o.Command)
	got, dropped := c.legacy.Hold(o, policy == OverflowDropOldest || policy == OverflowLatest)
	c.eng.counters.dropped.Add(uint64(dropped))
	switch {
	case got == legacy.Pass:
		return false, nil
	case got == legacy.Held:
		return true, nil
	case policy == OverflowDisconnect && !set.waits():
		err := NewError(CodeSlowConsumer, "too much is held back for a client of which it is not known whether it speaks 2.x or 3.0a")
		c.eng.counters.slow.Add(1)
		c.endWith(err)
		return true, err
	}
	c.eng.counters.dropped.Add(1)
	return true, errDropped
}

// sendHeld sends what was held back, now that it can be said.
func (c *Conn) sendHeld() {
	for held := c.legacy.TakeHeld(); held != nil; held = c.legacy.TakeHeld() {
		for _, o := range held {
			frame, err := c.legacy.Encode(&o)
			if k := c.eng.overflow.newBlock(o.Command, &sending{key: o.Key}, frame); err == nil && c.eng.overflow.of(o.Command).drops() {
				err = c.sendByPolicy(o.Command, k)
			} else if err == nil { // and nobody waits for room: this is the reader
				err = c.sendAll(k, OverflowDisconnect, nil)
			}
			if err != nil && err != errDropped && !c.isEnded() {
				c.eng.faultOf(c, "a client cannot be sent what was held back for it", wireError(err), "command", o.Command)
			}
		}
	}
}

// unsaid returns what was held back and never sent, and lets go of it.
func (p *legacyPeer) unsaid() (frames []Undelivered) {
	for held := p.TakeHeld(); held != nil; held = p.TakeHeld() {
		for _, o := range held {
			frames = append(frames, Undelivered{Frame: frameOf(o)})
		}
	}
	return frames
}

// sent returns the first frame of b as the program sent it, and its size. It reports false for frames of the library's own.
func (p *legacyPeer) sent(b []byte) (f Frame, size int, ok bool) {
	o, size, ok := p.Sent(b)
	return frameOf(o), size, ok
}

func frameOf(o legacy.Outgoing) Frame {
	if o.Raw {
		return Frame{Kind: KindRaw, Payload: o.Payload}
	}
	return Frame{KindCommand, o.Command, o.Payload}
}

// heartbeat is how long the peer, a client, may be silent before it is asked whether it is still there, if a native one may be for that long. It is
// zero if it would not answer.
func (p *legacyPeer) heartbeat(native time.Duration) time.Duration {
	if p.AliveProbe() == nil {
		return 0
	}
	return classicAlive * native
}

// sweepLegacy tells the program, once, that something has been held back for long.
func (c *Conn) sweepLegacy(now time.Duration) {
	if c.legacy.HeldLong(now) {
		c.eng.faultOf(c, "what is sent to a client is held back", errHeldLong)
	}
}

var errHeldLong = NewError(CodeUnsupported, "whether a client speaks 2.x or 3.0a is not known before its first command: "+
	"see ClassicOptions.Unknown")

// formOf is the form of the payload that encode makes of v.
func formOf(v any) form {
	switch v.(type) {
	case nil, struct{}, []byte:
		return form(legacy.FormBytes)
	case string:
		return form(legacy.FormText)
	case float32, float64:
		return form(legacy.FormFloat)
	case bool, int, int64, uint64:
		return form(legacy.FormJSON)
	}
	s := shape.Of(reflect.TypeOf(v))
	if s.Out == shape.Codec {
		return form(legacy.FormJSON)
	}
	to := s.Value(v)
	switch {
	case to == nil || s.Out == shape.Binary:
		return form(legacy.FormBytes)
	case s.Out == shape.Text:
		return form(legacy.FormText)
	}
	return formOf(to) // encode has found an end
}

// abbreviated is what a payload that [legacy.Peer.Abbreviates] means to who takes a T. It reports false if it means nothing else than
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
