//go:build !js

package core

import (
	"errors"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/internal/notices"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A classicPeer is what a connection needs that speaks the original's protocol: how its frames
// are written and read. What that protocol cannot carry fails with [CodeUnsupported].
type classicPeer struct {
	headerLen int
	said      atomic.Uint32                           // the [Dialect] that it speaks
	toServer  bool                                    // it is a server
	prefix    bool                                    // commands match by prefix, as in 0.0.2
	ask       func(c *Conn, k wire.Kind, name string) // at a server: the client wants that change
	record    func(c *Conn, who string) *notices.View // at a server: what c is told of a client, by name or address, or nil
	hold      *hold                                   // at a server, what waits until it is known what the client speaks; nil for nothing
	records   records                                 // at a client: who waits for one
	answers   answers                                 // at a server: records that the client has asked for

	// Owned by whoever reads.
	welcomed bool // its hello is well formed
	settled  bool // what it speaks does not change any more
	begun    bool // its first frame has been read

	pacer pacer // whoever writes owns it

	greeted bool // the first notice has come; whoever has the turn owns this

	// Owned by the sweeper.
	heldAt time.Duration // since when something is held; zero while nothing is
	warned bool          // of that

	// hello is what the client said: an absent name is not an empty one. It changes under the
	// connection's mu.
	hello classic.Hello
}

// next splits the first frame off b, as wire.Next does.
func (p *classicPeer) next(b []byte, max int) (wire.Frame, int, bool, error) {
	next, m := classic.Next, p.manner()
	switch {
	case m.typed && p.toServer:
		next = classic.NextBare
	case !m.markers && !p.toServer:
		next = classic.NextWish
	}
	payload, size, ok, err := next(b, p.headerLen, max)
	if !p.begun && p.toServer { // what a server says first may tell that the two ends are not set alike
		if wrong := classic.WrongHeader(b, p.headerLen); wrong != nil {
			return wire.Frame{}, 0, false, headerError(wrong, "Classic.HeaderLen")
		}
	}
	p.begun = p.begun || ok
	return wire.Frame{Kind: kindClassic, Body: payload}, size, ok, err
}

// headerError is the fault of a header of another length, with the option that says how long it is here.
func headerError(wrong error, option string) *Error {
	e := wireError(wrong)
	return NewError(e.Code, e.Message+": see "+option)
}

// frame returns f as the peer reads it. The form counts for those who tell them apart.
func (p *classicPeer) frame(f Frame, as form) ([]byte, error) {
	if err := p.check(f); err != nil {
		return nil, err
	}
	if p.manner().markers {
		return p.markedFrame(f, as)
	}
	size := len(f.Payload)
	if f.Kind == KindCommand {
		size += len(f.Command) + 1
	}
	if most := classic.MaxPayload(p.headerLen); size > most {
		return nil, NewError(CodeTooBig, "payload "+strconv.Itoa(size)+" B does not fit a header of "+strconv.Itoa(p.headerLen)+" B")
	}
	b := make([]byte, 0, classic.Size(p.headerLen, size))
	if f.Kind == KindRaw {
		return classic.AppendFrame(b, p.headerLen, f.Payload), nil
	}
	return classic.AppendCommand(b, p.headerLen, f.Command, f.Payload), nil
}

// check returns why the peer cannot be sent f, whatever it carries, or nil.
func (p *classicPeer) check(f Frame) error {
	m := p.manner()
	switch {
	case f.Kind == KindRaw && !m.raw:
		return errNoRaw
	case f.Kind == KindRaw:
		if err := classic.CheckRaw(f.Payload); err != nil {
			return wireError(err)
		}
		return nil
	case f.Kind != KindCommand:
		return errNoCalls
	case m.markers:
		if err := checkCommand(f.Command); err != nil {
			return err
		}
		if err := classic.CheckTyped(f.Command, p.toServer); err != nil {
			return wireError(err)
		}
		return nil
	}
	if err := classic.CheckCommand(f.Command); err != nil {
		return wireError(err)
	}
	return nil
}

// change is what the peer is sent of a client that came, went, or is called something else now, for
// which it sees the client go and another come. It is nil if the peer's header is too short for
// that.
func (p *classicPeer) change(ch notices.Change) (frames []byte) {
	if ch.Before != nil {
		frames = p.notice(ch.Before, false)
		if frames == nil {
			return nil
		}
	}
	if ch.After == nil {
		return frames
	}
	come := p.notice(ch.After, true)
	if come == nil {
		return nil
	}
	return append(frames, come...)
}

// sent returns the first frame of b as it was sent, as far as the protocol tells, and its size. It
// reports false for frames of the library's own.
func (p *classicPeer) sent(b []byte) (f Frame, size int, ok bool) {
	payload, size, ok, err := classic.Next(b, p.headerLen, len(b))
	if err != nil || !ok {
		return Frame{}, len(b), false // a header too small for its number
	}
	switch {
	case p.manner().markers:
		if kind, _ := p.kindOf(payload, p.toServer); kind != classic.KindCommand {
			return Frame{}, size, false
		}
		name, content, err := p.parseMarked(payload, maxPeerFrame)
		if string(name) == classic.RecordCommand {
			return Frame{}, size, false
		}
		return Frame{KindCommand, string(name), content}, size, err == nil
	case p.isNotice(payload), !p.toServer && classic.IsNoTLS(payload):
		return Frame{}, size, false
	}
	if k, _ := classic.SpacedKind(payload, p.toServer); k != 0 {
		return Frame{}, size, false
	}
	if name, content, ok := classic.SplitCommand(payload); ok {
		return Frame{KindCommand, string(name), content}, size, true
	}
	return Frame{KindRaw, "", payload}, size, true
}

// notice is the frame which tells the peer that another client came or went, or nil if its
// header is too short for that.
func (p *classicPeer) notice(who *notices.View, came bool) []byte {
	forms := [...][2]func(dst []byte, headerLen int, p classic.Presence) []byte{
		1: {classic.AppendConnected, classic.AppendDisconnected},
		2: {classic.AppendConnectedPlain, classic.AppendDisconnectedPlain},
		3: {classic.AppendConnectedTyped, classic.AppendDisconnectedTyped},
	}
	appendTo := forms[p.noticeForm()][1]
	if came {
		appendTo = forms[p.noticeForm()][0]
	}
	frame := appendTo(nil, p.headerLen, classicPresence(who))
	if !p.fits(frame) {
		return nil
	}
	return frame
}

// classicPresence is v in the original's words, with one group at most.
func classicPresence(v *notices.View) classic.Presence {
	p := classic.Presence{IP: v.Addr, Name: classicLabel(v.Name, v.EmptyName)}
	if at, err := netip.ParseAddrPort(v.Addr); err == nil {
		p.IP, p.Port = at.Addr().Unmap().WithZone("").String(), int(at.Port())
	}
	group := ""
	if len(v.Groups) > 0 {
		group = v.Groups[0]
	}
	p.Group = classicLabel(group, v.EmptyGroup)
	return p
}

// classicGroup is the group that classic clients are told of: that which a classic client has named, if
// it is in it, or the first. It is empty if there is none.
func (c *Conn) classicGroup() string {
	if c.classic == nil {
		return c.who.FirstGroup()
	}
	c.mu.Lock()
	group := c.classic.hello.Group.Text
	c.mu.Unlock()
	if !c.InGroup(group) {
		return ""
	}
	return group
}

// showClassic makes of how a client is shown to all how it is shown to classic ones.
func (c *Conn) showClassic(v *notices.View) {
	if c.classic != nil {
		c.mu.Lock()
		hello := c.classic.hello
		c.mu.Unlock()
		v.EmptyName = v.Name == "" && hello.Name == classic.LabelOf("")
		v.EmptyGroup = len(v.Groups) == 0 && hello.Group == classic.LabelOf("")
		if slices.Contains(v.Groups, hello.Group.Text) {
			v.Groups = []string{hello.Group.Text}
		}
	}
	if len(v.Groups) > 1 {
		v.Groups = v.Groups[:1]
	}
}

// classicLabel returns the label of a text, which is none if it is empty, unless it is said to be there.
func classicLabel(text string, there bool) classic.Label {
	if text == "" && !there {
		return classic.Label{}
	}
	return classic.LabelOf(text)
}

// batchClassic is batch for a peer whose frames are not native.
func (c *Conn) batchClassic(rd *reader) bool {
	if rd.r == rd.w || c.isEnded() { // then it is read only to see the peer's end
		rd.r = rd.w
		return true
	}
	size := rd.w - rd.r
	counts := c.guard.counts()
	c.beginBatch(size)
	for rd.r < rd.w && !c.deaf(rd) {
		f, size, ok, err := c.classic.next(rd.buf[rd.r:rd.w], c.eng.maxFrame)
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
		if counts && !c.guard.got(c, f.Kind) {
			break
		}
		if !c.classic.receive(c, rd, f) {
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

// receive handles one frame of a classic peer. It reports whether the reading is still the
// caller's.
func (p *classicPeer) receive(c *Conn, rd *reader, f wire.Frame) bool {
	if p.manner().markers {
		return p.receiveMarked(c, rd, f)
	}
	if p.toServer && p.spokeMarked(c, rd, f.Body) {
		return true
	}
	switch kind, _ := classic.SpacedKind(f.Body, c.server); {
	case c.server && kind == classic.KindLeaving:
		p.is1x()
		p.left(c, rd)
		return true
	case c.server && kind != 0:
		p.is1x()
		return c.dispatch(rd, f)
	case kind == classic.KindDismissal:
		p.dismissed(c, rd)
		return true
	case kind == classic.KindRecord && p.records.got(f.Body):
		return true
	case c.server && classic.IsTLSProbe(f.Body):
		c.sendOwn(classic.AppendNoTLS(nil, p.headerLen)) //nolint:errcheck // then it is over anyway
		return true
	case c.recv.waiting.Load() > 0 && p.gotAwaited(c, f.Body):
		return true
	case !c.server && p.isNotice(f.Body), p.isCommand(c, f.Body):
		return c.dispatch(rd, f)
	}
	return p.receiveRaw(c, rd, f)
}

// receiveRaw handles a raw message.
func (p *classicPeer) receiveRaw(c *Conn, rd *reader, f wire.Frame) bool {
	if c.gotRaw(rd, f.Body) {
		return true
	}
	f.Kind = wire.KindRaw // so that it can be received out of its turn
	return c.dispatch(rd, f)
}

// left ends a connection whose client says that it leaves.
func (p *classicPeer) left(c *Conn, rd *reader) {
	c.endRemote(remoteError(CodeClosed, "", 0))
	rd.r = rd.w
}

// dismissed ends a connection whose server has disconnected the client. One of 1.x waits for a goodbye.
func (p *classicPeer) dismissed(c *Conn, rd *reader) {
	if !p.manner().markers {
		p.speaks(Dialect1x)
		c.sendOwn(classic.AppendLeaving(nil, p.headerLen)) //nolint:errcheck // then it is over anyway
	}
	c.end(remoteError(CodeClosed, "the server has disconnected this client", 0), nil, ending{drain: true})
	rd.r = rd.w
}

// spokeMarked ends a connection without markers whose server writes them. It reports whether it did.
func (p *classicPeer) spokeMarked(c *Conn, rd *reader, payload []byte) bool {
	plain, sure := classic.IsPlain(payload)
	if !sure {
		if _, _, isNotice, err := classic.ParseNotice(payload); !isNotice || err != nil {
			return false
		}
		has, spaced := classic.HasIPString(payload)
		if spaced {
			return false
		}
		plain = !has
	}
	p.otherDialect(c, rd, plain)
	return true
}

// spokeOther ends a connection with markers whose server shows by a notice that it speaks the other of the
// two dialects. It reports whether it did.
func (p *classicPeer) spokeOther(c *Conn, rd *reader, payload []byte) bool {
	if _, _, _, err := classic.ParseNotice(payload); err != nil {
		return false
	}
	has, spaced := classic.HasIPString(payload)
	if spaced || has == p.manner().typed {
		return false
	}
	p.otherDialect(c, rd, !has)
	return true
}

func (p *classicPeer) otherDialect(c *Conn, rd *reader, plain bool) {
	speaks := Dialect30a
	if plain {
		speaks = Dialect2x
	}
	c.endWith(NewError(CodeVersion, "the server speaks hisock "+speaks.String()+", and Classic.Dialect is set to "+p.dialect().String()))
	rd.r = rd.w
}

// ended returns what the end of the stream means: that the peer has left, if its release has no other word
// for that and rest, what was read last, is no part of a frame; or that a server may have ended of a hello
// that is not of its release. Otherwise it returns nil.
func (p *classicPeer) ended(rest int, err error) *Error {
	switch {
	case rest > 0 || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET):
	case p.toServer && !p.begun:
		return wrapError(CodeConnLost, "the server ended the connection without a word: if it did so at once, "+
			"it is of another release or has another header, see ClientOptions.Classic", err)
	case !p.toServer && !p.manner().leaves:
		return remoteError(CodeClosed, "", 0)
	}
	return nil
}

func (p *classicPeer) gotAwaited(c *Conn, payload []byte) bool {
	name, content, ok := classic.SplitCommand(payload)
	return ok && c.recv.deliver(c, name, content)
}

func (p *classicPeer) isNotice(payload []byte) bool {
	_, _, ok, _ := classic.ParseNotice(payload)
	return ok
}

// isCommand reports whether a handler takes the payload as a command. Nothing in the protocol
// tells commands from raw messages, so what no handler takes is raw.
func (p *classicPeer) isCommand(c *Conn, payload []byte) bool {
	hs := c.eng.handlers
	if p.prefix {
		for _, h := range hs.order {
			if len(payload) >= len(h.name) && string(payload[:len(h.name)]) == h.name {
				return true
			}
		}
	}
	name, _, ok := classic.SplitCommand(payload)
	return ok && (hs.commands[string(name)] != nil || hs.anyCommand != nil)
}

// run runs the handler of a classic frame in its turn.
func (p *classicPeer) run(c *Conn, payload []byte) {
	if p.manner().markers {
		p.runMarked(c, payload)
		return
	}
	if c.server {
		if kind, rest := classic.SpacedKind(payload, true); kind != 0 {
			p.wish(c, kind, rest)
			return
		}
	}
	if !c.server {
		who, came, ok, err := classic.ParseNotice(payload)
		if err != nil {
			c.eng.fault(c, wireError(err))
		} else if ok {
			c.eng.owner.(*Client).presence(c, noticeKind(came), "", presenceOf(who))
		}
		if ok {
			return
		}
	}
	if p.prefix {
		p.runPrefix(c, payload)
		return
	}
	if name, content, ok := classic.SplitCommand(payload); ok && p.isCommand(c, payload) {
		c.runCommand(c.ctx, name, content, nil)
		return
	}
	c.runRaw(c.ctx, payload)
}

func noticeKind(came bool) wire.Kind {
	if came {
		return wire.KindJoined
	}
	return wire.KindLeft
}

// runPrefix runs every handler whose command the payload begins with, in the order of their
// registration, with what follows the byte behind it; then the message handler. It is
// what the original does. A command that no handler takes is for the handler of any command.
func (p *classicPeer) runPrefix(c *Conn, payload []byte) {
	ran := false
	for _, h := range c.eng.handlers.order {
		n := len(h.name)
		if len(payload) < n || string(payload[:n]) != h.name {
			continue
		}
		ran = true
		c.start(c.ctx, h, Frame{KindCommand, h.name, payload[min(n+1, len(payload)):]}, nil)
	}
	hs := c.eng.handlers
	name, content, ok := classic.SplitCommand(payload)
	switch {
	case !ran && ok && hs.anyCommand != nil:
		c.runCommand(c.ctx, name, content, nil)
	case hs.message != nil:
		c.start(c.ctx, hs.message, Frame{Kind: KindRaw, Payload: payload}, nil)
	}
}

func presenceOf(who classic.Presence) Presence {
	p := Presence{Name: who.Name.Text, Addr: who.IP}
	if at, err := netip.ParseAddr(who.IP); err == nil && who.Port >= 0 && who.Port <= 65535 {
		p.Addr = netip.AddrPortFrom(at, uint16(who.Port)).String()
	}
	if who.Group.Set {
		p.Groups = []string{who.Group.Text}
	}
	return p
}

// write writes each frame by itself: a Python peer reads the header and the payload with
// one call each, and takes what is there for all.
func (p *classicPeer) write(c *Conn, stream transport.Conn, bufs [][]byte) error {
	if p.manner().whole {
		_, err := stream.WriteBuffers(bufs)
		return err
	}
	for _, b := range bufs {
		for len(b) > 0 {
			_, size, ok, err := classic.Next(b, p.headerLen, len(b))
			if err != nil || !ok {
				size = len(b) // a header too small for its number, as the original writes it
			}
			p.await(c, size)
			if _, err := stream.Write(b[:size]); err != nil {
				return err
			}
			b = b[size:]
		}
	}
	return nil
}

// askedClassic is asked for a client that cannot be answered: the program is told of what is
// refused.
func (s *Server) askedClassic(c *Conn, k wire.Kind, name string) {
	tell, err := s.apply(c.ctx, c, k, name, wire.Position{})
	if err != nil && !c.isEnded() {
		s.eng.faultOf(c, "a client may not change what it asks for", err, "change", k.String(), "to", name)
	}
	if tell != nil {
		tell()
	}
}

// isClassic reports whether the first byte of a newcomer is that of a classic peer.
func isClassic(first byte) bool { return first >= '0' && first <= '9' }

// readClassicHello reads how a classic peer joins. The peer is there also when the hello is
// wrong: it would not understand a native refusal.
func (s *Server) readClassicHello(stream transport.Conn, rd *reader) (*wire.Hello, *classicPeer, *Error) {
	p := &classicPeer{headerLen: s.opts.Classic.HeaderLen, prefix: s.opts.Classic.Prefix, record: s.record, ask: s.askedClassic}
	p.speaks(Dialect002)
	p.pacer.rate = s.opts.Classic.Pace
	for {
		got := rd.buf[rd.r:rd.w]
		payload, size, ok, err := classic.Next(got, p.headerLen, s.opts.Limits.MaxHello)
		if ok {
			rd.r += size
			parse := classic.ParseHello
			if classic.IsHelloTyped(payload) {
				parse = classic.ParseHelloTyped
				p.speaks(s.opts.Classic.Unknown)
				if s.opts.Classic.Unknown == 0 {
					p.speaks(DialectUnknown)
					p.hold = newHold(s.opts.Limits.QueueBytes / 2)
				}
			}
			p.hello, err = parse(payload)
			p.welcomed = err == nil
		}
		if !ok || err != nil { // if it is shorter, what is set may be more than will ever come
			if wrong := classic.WrongHeader(got, p.headerLen); wrong != nil {
				return nil, p, headerError(wrong, "ClassicOptions.HeaderLen")
			}
		}
		if err != nil {
			return nil, p, wireError(err)
		}
		if ok {
			break
		}
		rd.need = size
		if err := readMore(stream, rd); err != nil {
			return nil, p, handshakeError(err)
		}
	}
	hello := &wire.Hello{Version: wire.Version, Name: p.hello.Name.Text, Notices: true, MaxFrame: uint64(s.opts.Limits.MaxFrame)}
	for _, label := range []string{p.hello.Name.Text, p.hello.Group.Text} {
		if label == "" {
			continue
		}
		if err := checkName(label, s.opts.Limits.MaxName); err != nil {
			return nil, p, err
		}
	}
	if p.hello.Group.Text != "" {
		hello.Groups = []string{p.hello.Group.Text}
	}
	return hello, p, nil
}

// helloClassic returns the bytes with which a classic client opens.
func (cl *Client) helloClassic() ([]byte, *classicPeer, error) {
	o := cl.opts.Classic
	p := &classicPeer{headerLen: o.HeaderLen, toServer: true, settled: true}
	p.speaks(o.Dialect)
	if cl.opts.Name != "" {
		p.hello.Name = classic.LabelOf(cl.opts.Name)
	}
	if len(cl.opts.Groups) == 1 {
		p.hello.Group = classic.LabelOf(cl.opts.Groups[0])
	}
	appendTo := classic.AppendHello
	if p.manner().markers {
		appendTo = classic.AppendHelloTyped
	}
	hello := appendTo(nil, p.headerLen, p.hello)
	if !p.fits(hello) {
		return nil, nil, NewError(CodeTooBig, "the hello does not fit a header of "+strconv.Itoa(p.headerLen)+" B")
	}
	return hello, p, nil
}

// fits reports whether the length of a frame fits its header.
func (p *classicPeer) fits(frame []byte) bool {
	return len(frame) <= classic.Size(p.headerLen, classic.MaxPayload(p.headerLen))
}

// shakeClassic joins a server of the original's protocol, which does not answer: the client is
// connected once its hello is written.
func (cl *Client) shakeClassic(stream transport.Conn, hello []byte) (*wire.Welcome, error) {
	if _, err := stream.Write(hello); err != nil {
		return nil, wrapError(CodeConnLost, "the handshake broke off", err)
	}
	return &wire.Welcome{
		Name: cl.opts.Name, Groups: cl.opts.Groups, Addr: stream.Info().Local, Notices: true,
		MaxFrame: uint64(cl.cfg.maxFrame),
	}, nil
}

// leaveClassic ends the stream as a Python server wants it: by a reset. An orderly end stops
// that server's loop.
func leaveClassic(stream transport.Conn) {
	if r, ok := stream.(transport.Resetter); ok {
		r.Reset() //nolint:errcheck // Close follows
	}
}
