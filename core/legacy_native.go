//go:build !js

package core

import (
	"context"
	"time"

	"github.com/hisock/hisock/core/internal/legacy"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// What a connection does whose peer speaks one of the original's dialects. Package legacy says what a frame asks
// for and how a message is written; here it is done. The rest of this package asks what the peer can do (classic.go),
// and the questions below, of any peer: of a native one they are answered without a look at a dialect.
//
//	as it begins   over, speak; the other file has how such a peer joins
//	reading        batch, ended
//	a turn         runLegacy, for a frame of kindLegacy
//	sending        sendLegacy, ownFrame, formOf
//	ending         lastWord, sent, unsaid
//	the sweeper    heartbeat, probe, sweep

// A legacyPeer is the peer of such a connection.
type legacyPeer struct {
	*legacy.Peer
	server  *Server                       // of which the peer is a client; nil at a client
	answers answers                       // at a server, records that the client has asked for
	asking  lock.Mutex[lock.LegacyAsking] // at a client, held while it asks for a record, so that questions go out in their order
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
	if !c.takesControl() {
		c.out.Foreign()
	}
	if peer.server != nil {
		peer.SetPace(legacy.Pace{Rate: peer.server.opts.Classic.Pace, Part: c.eng.writeTimeout / 4, Progress: c.out.Progress})
	}
}

// These are asked of any connection's peer: one that is nil is native, and answers as that.

func (p *legacyPeer) dialect() Dialect {
	if p == nil {
		return DialectNative
	}
	return Dialect(p.Dialect())
}

// over returns the stream as one to the peer.
func (p *legacyPeer) over(stream transport.Conn) transport.Conn {
	if p == nil {
		return stream
	}
	return p.Stream(stream)
}

// classicAlive is how much longer than a native peer one of the original may be silent before it is
// asked for a sign of life, and may take to answer: it answers only while its program's loop runs.
// By default that is 30 s, as with the original's own server.
const classicAlive = 2

// heartbeat is how long the peer, a client, may be silent before it is asked whether it is still there, if a
// native one may be for that long. It is zero if it would not answer.
func (p *legacyPeer) heartbeat(native time.Duration) time.Duration {
	switch {
	case p == nil:
		return native
	case p.AliveProbe() == nil:
		return 0
	}
	return classicAlive * native
}

// ended returns what the end of the stream means, if that is nothing of the native protocol: rest is how many
// bytes of an unfinished frame have come.
func (p *legacyPeer) ended(rest int, err error) *Error {
	if p == nil {
		return nil
	}
	switch p.Ended(rest, err) {
	case legacy.EndLeft:
		return remoteError(CodeClosed, "", 0)
	case legacy.EndUnheard:
		return wrapError(CodeConnLost, "the server ended the connection without a word: if it did so at once, "+
			"it is of another release or has another header, see ClientOptions.Classic", err)
	}
	return nil
}

// lastWord returns what the peer is sent last in the place of a goodbye, or the goodbye.
func (p *legacyPeer) lastWord(bye *wire.Goodbye) ([]byte, *wire.Goodbye) {
	if p == nil || bye == nil {
		return nil, bye
	}
	return p.Goodbye(), nil
}

// sent returns the first frame of b as the program sent it, and its size. It reports false for frames of the
// library's own.
func (p *legacyPeer) sent(b []byte) (f Frame, size int, ok bool) {
	if p == nil {
		return parseSent(b)
	}
	o, size, ok := p.Sent(b)
	return frameOf(o), size, ok
}

// unsaid returns what was held back and never sent, and lets go of it.
func (p *legacyPeer) unsaid() (frames []Undelivered) {
	if p == nil {
		return nil
	}
	for held := p.TakeHeld(); held != nil; held = p.TakeHeld() {
		for _, o := range held {
			frames = append(frames, Undelivered{Frame: frameOf(o)})
		}
	}
	return frames
}

// held is how many bytes are held back.
func (p *legacyPeer) held() int {
	if p == nil {
		return 0
	}
	return p.Held()
}

// sweep tells the program, once, that something has been held back for long.
func (p *legacyPeer) sweep(c *Conn, now time.Duration) {
	if p != nil && p.HeldLong(now) {
		c.eng.faultOf(c, "what is sent to a client is held back", errHeldLong)
	}
}

// probe asks the peer whether it is still there, if it answers such questions.
func (p *legacyPeer) probe(c *Conn, nonce uint64) {
	if p == nil {
		c.out.Ping(nonce)
		return
	}
	if frame := p.AliveProbe(); frame != nil {
		c.sendOwn(frame) //nolint:errcheck // then it is over anyway
	}
}

// batch returns what handles the frames that have been read: [Conn.batch], or what does so for a peer whose frames
// are not native.
func (p *legacyPeer) batch() func(*Conn, *reader) bool {
	if p == nil {
		return (*Conn).batch
	}
	return (*Conn).batchLegacy
}

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
	if e.Name != nil && c.recv.awaited() {
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
		c.end(remoteError(CodeClosed, "the server has disconnected this client", 0), nil, ending{flush: true})
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

// takesLegacy reports whether a handler takes a payload as a command, of that name if it is not nil. Nothing in a
// dialect without markers tells commands from raw messages, so what no handler takes is raw.
func (c *Conn) takesLegacy(name, payload []byte) bool {
	hs := c.eng.handlers
	if c.legacy.matchesPrefix() {
		for _, h := range hs.order {
			if h.begins(payload) {
				return true
			}
		}
	}
	return name != nil && hs.forCommand(name) != nil
}

// matchesPrefix reports whether commands match by how a payload begins, as in 0.0.2.
func (p *legacyPeer) matchesPrefix() bool { return p.server != nil && p.server.opts.Classic.Prefix }

// begins reports whether a payload begins with the handler's command.
func (h *handler) begins(payload []byte) bool {
	return len(payload) >= len(h.name) && string(payload[:len(h.name)]) == h.name
}

// runLegacy handles a frame in its turn.
func (c *Conn) runLegacy(payload []byte) {
	m := c.legacy.Parse(payload)
	switch m.Is {
	case legacy.CommandMessage:
		c.runNamed(m.Name, m.Body)
	case legacy.RawMessage:
		c.runRaw(c.Context(), m.Body)
	case legacy.EitherMessage:
		switch {
		case c.legacy.matchesPrefix():
			c.runPrefix(m, payload)
		case c.takesLegacy(m.Name, payload):
			c.runCommand(c.Context(), m.Name, m.Body, nil)
		default:
			c.runRaw(c.Context(), payload)
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
	hs := c.eng.handlers
	content, v, err := c.legacy.Content(body, min(c.eng.maxFrame, longest(hs.forCommand(name), hs.message)))
	if err != nil {
		e := wireError(err)
		c.eng.faultOf(c, faultText(e.Code), NewError(e.Code, "command "+safe.Text(string(name))+": "+e.Message), "command", string(name))
		return
	}
	ctx := c.Context()
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
			c.startHandler(c.Context(), h, Frame{KindCommand, h.name, payload[min(len(h.name)+1, len(payload)):]}, nil)
		}
	}
	switch {
	case !ran && m.Name != nil && hs.anyCommand != nil:
		c.runCommand(c.Context(), m.Name, m.Body, nil)
	case hs.message != nil:
		c.startHandler(c.Context(), hs.message, Frame{Kind: KindRaw, Payload: payload}, nil)
	}
}
