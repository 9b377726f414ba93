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

// This file has the parts of a connection whose peer speaks a dialect of the original. Package legacy says how a message is
// written, and what a frame asks for; this file does it. The rest of package core calls the methods below for any peer,
// native or not, and asks in classic.go for the peer's abilities. A nil *legacyPeer is a native peer.
//
//	as it begins   over, speak; legacy_join_native.go has the hello
//	reading        batch, ended
//	a turn         runLegacy, for a frame of kindLegacy
//	sending        sendLegacy, ownFrame, formOf
//	ending         lastWord, sent, unsaid
//	the sweeper    heartbeat, probe, sweep

// A legacyPeer is a peer that speaks a dialect of the original.
type legacyPeer struct {
	*legacy.Peer
	server  *Server                       // the server whose client the peer is; nil at a client
	answers answers                       // at a server, the records for which the client has asked
	asking  lock.Mutex[lock.LegacyAsking] // at a client, held while it asks for a record, so that requests go out in order
}

// Both packages use the same numbers for dialects and for kinds of values.
var (
	_ = [1]struct{}{}[Dialect002-Dialect(legacy.V002)]
	_ = [1]struct{}{}[DialectUnknown-Dialect(legacy.Unknown)]
	_ = [1]struct{}{}[ValueMap-ValueKind(legacy.ValueMap)]
)

const maxNoticeForm = legacy.MaxForm

// speak notes that the peer speaks a dialect of the original, unless peer is nil. No other goroutine knows the connection
// yet.
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

// The methods below may be called for any connection's peer. A nil peer is native.

func (p *legacyPeer) dialect() Dialect {
	if p == nil {
		return DialectNative
	}
	return Dialect(p.Dialect())
}

// over returns a stream that writes to stream as the peer reads.
func (p *legacyPeer) over(stream transport.Conn) transport.Conn {
	if p == nil {
		return stream
	}
	return p.Stream(stream)
}

// classicAlive is a factor. A peer of the original may be silent, and may take to answer a probe, classicAlive times as long
// as a native peer, since it answers only while its program's loop runs. By default the time is 30 s, as with the
// original's own server.
const classicAlive = 2

// heartbeat returns the time for which the peer, a client, may be silent before it is probed. native is the time for a
// native client. The result is zero if the peer would not answer a probe.
func (p *legacyPeer) heartbeat(native time.Duration) time.Duration {
	switch {
	case p == nil:
		return native
	case p.AliveProbe() == nil:
		return 0
	}
	return classicAlive * native
}

// ended returns the error for the end of the stream, or nil if the end means the same as with a native peer. rest is the
// number of bytes of an unfinished frame that have come. err is the error of the last read.
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

// lastWord returns the last frame for the peer. For a native peer it returns bye instead; for a peer without a goodbye,
// neither.
func (p *legacyPeer) lastWord(bye *wire.Goodbye) ([]byte, *wire.Goodbye) {
	if p == nil || bye == nil {
		return nil, bye
	}
	return p.Goodbye(), nil
}

// sent returns the first frame of b as the program sent it, and its size in bytes. It reports false for a frame that the
// program did not send.
func (p *legacyPeer) sent(b []byte) (f Frame, size int, ok bool) {
	if p == nil {
		return parseSent(b)
	}
	o, size, ok := p.Sent(b)
	return frameOf(o), size, ok
}

// unsaid returns the messages that were held back and never sent, and forgets them.
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

// held returns the number of bytes that are held back.
func (p *legacyPeer) held() int {
	if p == nil {
		return 0
	}
	return p.Held()
}

// sweep tells the program, once, that messages have been held back for long.
func (p *legacyPeer) sweep(c *Conn, now time.Duration) {
	if p != nil && p.HeldLong(now) {
		c.eng.faultOf(c, "what is sent to a client is held back", errHeldLong)
	}
}

// probe asks the peer for a sign of life, if the peer's dialect has one.
func (p *legacyPeer) probe(c *Conn, nonce uint64) {
	if p == nil {
		c.out.Ping(nonce)
		return
	}
	if frame := p.AliveProbe(); frame != nil {
		c.sendOwn(frame) //nolint:errcheck // then it is over anyway
	}
}

// batch returns the method that handles the frames that have been read: [Conn.batch], or [Conn.batchLegacy] for a peer
// whose frames are not native.
func (p *legacyPeer) batch() func(*Conn, *reader) bool {
	if p == nil {
		return (*Conn).batch
	}
	return (*Conn).batchLegacy
}

// batchLegacy is batch for a peer whose frames are not native.
func (c *Conn) batchLegacy(rd *reader) bool {
	if rd.r == rd.w || c.isEnded() { // then the stream is read only to see the peer end it
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
		if c.out.Pressed() { // by messages of the handlers
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

// receiveLegacy acts on one frame. It reports whether the reading is still the caller's.
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

// takesLegacy reports whether a handler takes a payload as a command. name is the command's name, or nil if the payload
// has none. In a dialect without markers, commands look like raw messages. So a payload is raw if no handler takes it.
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

// matchesPrefix reports whether a handler takes every payload that begins with the handler's command, as in 0.0.2.
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

// runNamed runs the handler of a command. If the peer has said which kind of value the command carries, the handler's
// context has that kind; see [SentAs].
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

// runPrefix runs every handler with whose command the payload begins, in the order in which they were registered, and then
// the message handler, as the original does. Each handler gets the payload without the command and the byte after the
// command. If no handler takes a command, the handler of any command runs.
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
