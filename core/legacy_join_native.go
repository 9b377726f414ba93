//go:build !js

package core

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/hisock/hisock/core/internal/legacy"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/internal/notices"
	"github.com/hisock/hisock/core/internal/safe"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// This file has the hello of a peer of the original, the notices that it gets about other clients, and its requests for
// another name, for another group, and for the record of another client.

// isLegacy reports whether clients of the original may join, and the first byte of a newcomer is one of theirs.
func (s *Server) isLegacy(rd *reader) bool {
	return s.opts.Classic.HeaderLen > 0 && legacy.IsFirst(rd.buf[0])
}

// mayBeLegacy returns the error of a native client that a server did not welcome. The error is why, unless the server
// behaved like a server of the Python package: its answer begins with a header of the original, or it ended the
// connection without an answer. Then the error says so. err is the error of the last read, or nil.
func mayBeLegacy(rd *reader, why *Error, err error) *Error {
	n := 0
	for n < rd.w && legacy.IsFirst(rd.buf[n]) {
		n++
	}
	switch {
	case n > 0 && n < rd.w && rd.buf[n] == ' ': // a header: a number, then spaces
		return errLegacyServer
	case rd.w == 0 && why.Code == CodeConnLost:
		return wrapError(CodeConnLost, "the server ended the connection without an answer: "+
			"a server of the Python package does so, see ClientOptions.Classic", err)
	}
	return why
}

// readLegacyHello reads the hello of a client of the original. It returns a peer even if the hello is wrong, since the
// client would not understand a native refusal.
func (s *Server) readLegacyHello(stream transport.Conn, rd *reader) (*wire.Hello, *legacyPeer, *Error) {
	n := legacy.Client(legacy.Settings{
		HeaderLen: s.opts.Classic.HeaderLen, MaxFrame: s.eng.maxFrame, MaxCommand: maxCommand,
		Unknown: legacy.Dialect(s.opts.Classic.Unknown), MaxHeld: s.opts.Limits.QueueBytes / 2, Budget: s.eng.budget,
	})
	p := &legacyPeer{Peer: n.Peer, server: s}
	var said legacy.Hello
	for {
		h, size, ok, err := n.Hello(rd.buf[rd.r:rd.w], s.opts.Limits.MaxHello)
		if err != nil {
			return nil, p, wireError(err)
		}
		if ok {
			rd.r += size
			said = h
			break
		}
		rd.need = size
		if err := readMore(stream, rd); err != nil {
			return nil, p, handshakeError(err)
		}
	}
	hello := &wire.Hello{Version: wire.Version, Name: said.Name.Text, Notices: true, MaxFrame: uint64(s.opts.Limits.MaxFrame)}
	for _, label := range []string{said.Name.Text, said.Group.Text} {
		if label == "" {
			continue
		}
		if err := checkName(label, s.opts.Limits.MaxName); err != nil {
			return nil, p, err
		}
	}
	if said.Group.Text != "" {
		hello.Groups = []string{said.Group.Text}
	}
	return hello, p, nil
}

// helloLegacy returns the hello of a client for a server of the original, and the peer.
func (cl *Client) helloLegacy() ([]byte, *legacyPeer, error) {
	o := cl.opts.Classic
	var h legacy.Hello
	if cl.opts.Name != "" {
		h.Name = legacy.LabelOf(cl.opts.Name)
	}
	if len(cl.opts.Groups) == 1 {
		h.Group = legacy.LabelOf(cl.opts.Groups[0])
	}
	p, hello := legacy.Server(legacy.Dialect(o.Dialect), h, legacy.Settings{
		HeaderLen: o.HeaderLen, MaxFrame: cl.cfg.maxFrame, MaxCommand: maxCommand,
	})
	if hello == nil {
		return nil, nil, NewError(CodeTooBig, "the hello does not fit a header of "+strconv.Itoa(o.HeaderLen)+" B")
	}
	return hello, &legacyPeer{Peer: p}, nil
}

var errLegacyServer = &Error{Code: CodeNotNative, Message: "the server speaks the protocol of the original: see ClientOptions.Classic"}

// shake sends the hello and puts the server's answer into n. A server of the original does not answer: the client is
// connected as soon as its hello is written. n.stream then becomes a stream that writes as that server reads.
func (p *legacyPeer) shake(cl *Client, n *welcomed, hello []byte) (err error) {
	if p == nil {
		n.welcome, err = shake(n.stream, n.rd, hello, &cl.cfg)
		return err
	}
	n.stream = p.Stream(n.stream)
	if _, err := n.stream.Write(hello); err != nil {
		return wrapError(CodeConnLost, "the handshake broke off", err)
	}
	n.welcome = &wire.Welcome{
		Name: cl.opts.Name, Groups: cl.opts.Groups, Addr: n.stream.Info().Local, Notices: true,
		MaxFrame: uint64(cl.cfg.maxFrame),
	}
	return nil
}

// welcomeLegacy returns the first frame for a client of the original, or nil if the client's dialect has no such frame.
func (c *Conn) welcomeLegacy() []byte {
	if !c.legacy.Greets() {
		return nil
	}
	return c.legacy.Welcome((*legacy.View)(c.ownView()))
}

// ownView returns the view that a client gets of itself.
func (c *Conn) ownView() *notices.View {
	v := &notices.View{Presence: Presence{Name: c.Name(), Addr: c.Addr()}}
	if g := c.legacyGroup(); g != "" {
		v.Groups = []string{g}
	}
	c.showLegacy(v)
	return v
}

// legacyGroup returns the group in which clients of the original see c. A client of the original is seen in the group that
// it has named, if it is in that group, and a native client in its first group. Otherwise the result is empty.
func (c *Conn) legacyGroup() string {
	if c.legacy == nil {
		return c.who.FirstGroup()
	}
	group := c.legacy.Said().Group.Text
	if !c.InGroup(group) {
		return ""
	}
	return group
}

// showLegacy turns the view that native clients get of c into the view that clients of the original get: it has one group
// at most.
func (c *Conn) showLegacy(v *notices.View) {
	if c.legacy != nil {
		c.legacy.Show((*legacy.View)(v))
	}
	if len(v.Groups) > 1 {
		v.Groups = v.Groups[:1]
	}
}

// shows turns the view that native clients get of another client into the view that the peer gets.
func (p *legacyPeer) shows(of *Conn, v *notices.View) {
	if p != nil {
		of.showLegacy(v)
	}
}

// noticeForm returns a number for the form of the peer's notices. Peers with the same number can share the bytes of a
// notice. Zero is the native form.
func (p *legacyPeer) noticeForm() int {
	if p == nil {
		return 0
	}
	return p.NoticeForm()
}

// change returns the frames that tell the peer of a change of another client, or nil if they do not fit the header of a
// peer of the original. groups says whether a native peer is told of groups. It has no effect on other peers, which are
// told of one group at most.
func (p *legacyPeer) change(ch notices.Change, groups bool) []byte {
	if p == nil {
		return appendChange(ch, groups)
	}
	return p.Change((*legacy.View)(ch.Before), (*legacy.View)(ch.After))
}

// wishLegacy makes a change that a client of the original asks for. The original has no answer to such a request, so that
// the program is told of a refusal.
func (c *Conn) wishLegacy(k wire.Kind, name string) {
	s := c.legacy.server
	tell, err := s.requested(c.Context(), c, k, wire.Position{Group: name})
	if err != nil && !asError(err).reported && !c.isEnded() {
		s.eng.faultOf(c, "a client may not change what it asks for", err, "change", k.String(), "to", name)
	}
	if tell != nil {
		tell()
	}
}

// renameLegacy makes the change that a client asks for with another name, or with none.
func (c *Conn) renameLegacy(to legacy.Label) {
	c.wishLegacy(wire.KindAskRename, to.Text)
	if c.Name() == to.Text {
		c.legacy.SetName(to)
	}
}

// regroupLegacy moves a client from the group that it named last to another group, or to none, as the client asks. The
// client stays in the groups into which the server's program has put it. Other clients are not told.
func (c *Conn) regroupLegacy(to legacy.Label) {
	old, group := c.legacy.Said().Group, to.Text
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
		c.wishLegacy(wire.KindAskLeave, old.Text)
	}
	now := to
	if group != "" {
		if c.wishLegacy(wire.KindAskJoin, group); !c.InGroup(group) { // it was refused
			now = legacy.Label{}
		}
	}
	c.legacy.SetGroup(now)
}

// answerLegacy answers a client that asks for the record of another client.
func (c *Conn) answerLegacy(who string) {
	p := c.legacy
	answer := p.Record((*legacy.View)(p.server.record(c, who)))
	switch delay := p.RecordDelay(); {
	case answer == nil:
		c.eng.fault(c, NewError(CodeTooBig, "the record of a client does not fit the header that is set for classic clients"))
	case delay > 0:
		p.answers.add(c, answer, delay)
	default:
		c.sendOwn(answer) //nolint:errcheck // then it is over anyway
	}
}

// answers holds the records that are sent to a client a moment after it has asked.
type answers struct {
	mu      lock.Mutex[lock.LegacyAnswers] // guards the field below; held while answers are sent, so that they go out in order
	waiting []byte
}

// maxAnswers bounds the records that wait, in bytes. If more wait, all are sent without a delay.
const maxAnswers = 4 << 10

// add sends an answer after delay, together with the answers that wait by then.
func (a *answers) add(c *Conn, answer []byte, delay time.Duration) {
	a.mu.Lock()
	first := len(a.waiting) == 0
	a.waiting = append(a.waiting, answer...)
	full := len(a.waiting) > maxAnswers
	a.mu.Unlock()
	switch {
	case full:
		a.send(c)
	case first && c.life.tryEnter():
		time.AfterFunc(delay, func() {
			a.send(c)
			c.exit()
		})
	}
}

func (a *answers) send(c *Conn) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.waiting) > 0 {
		c.sendOwn(a.waiting) //nolint:errcheck // then it is over anyway
		a.waiting = a.waiting[:0]
	}
}

// record returns the view that c gets of the client at an address, or of the first client to join among the clients with
// that name. It returns nil if there is no such client, or if c may not see the address or the name.
func (s *Server) record(c *Conn, who string) *notices.View {
	for other := range s.at(legacy.AskedAddr(who)) {
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

// askRecord is [Conn.Record] for a peer of the original.
func (c *Conn) askRecord(ctx context.Context, who string) (Presence, error) {
	switch {
	case !c.legacy.IsServer():
		return Presence{}, NewError(CodeUnsupported, "a client has no records")
	case ctx.Err() != nil:
		return Presence{}, c.waitError(ctx)
	}
	if err := checkName(who, defaultMaxHello); err != nil {
		return Presence{}, err
	}
	ch, err := c.legacy.askRecord(c, who)
	if err != nil {
		return Presence{}, wireError(err)
	}
	if c.beginAsking(ctx) {
		defer c.endAsking()
	}
	select {
	case answer := <-ch:
		return parseRecord(answer, who)
	case <-ctx.Done():
		return Presence{}, c.waitError(ctx)
	case <-c.Context().Done():
		return Presence{}, c.closedError()
	}
}

// askRecord asks the peer for a record, and returns the channel on which the answer arrives.
func (p *legacyPeer) askRecord(c *Conn, who string) (<-chan []byte, error) {
	p.asking.Lock()
	defer p.asking.Unlock()
	question, answer, err := p.AskRecord(who)
	if err != nil {
		return nil, err
	}
	if err := c.sendOwn(question); err != nil {
		p.Unask()
		return nil, err
	}
	return answer, nil
}

func parseRecord(answer []byte, who string) (Presence, error) {
	of, ok, err := legacy.ParseRecord(answer)
	switch {
	case err != nil:
		e := wireError(err)
		return Presence{}, remoteError(e.Code, e.Message, 0)
	case !ok:
		return Presence{}, remoteError(CodeUnknownClient, "nobody is called or at "+safe.Text(who), 0)
	}
	return of, nil
}
