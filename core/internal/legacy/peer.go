package legacy

import (
	"errors"
	"io"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// A Peer is the other end of a connection. Any goroutine may call its methods, unless they say whose they are.
type Peer struct {
	headerLen  int  // bytes
	maxFrame   int  // bytes of the longest payload that is read
	maxCommand int  // bytes of the longest name of a command that is sent
	isServer   bool // it is a server

	said atomic.Uint32 // the [Dialect] that it speaks

	pace Pace // owned by whoever writes

	// Owned by the reader.
	welcomed bool // its hello is well formed
	settled  bool // its first command has told what it speaks, or need not
	begun    bool // its first frame has been read

	greeted bool // the first notice has come; owned by whoever has the turn

	mu    lock.Mutex[lock.LegacyPeer] // guards the field below
	hello Hello                       // what it is called and which group it has named: an absent name is not an empty one

	hold    hold    // at a server, what cannot be said before it is known what the peer speaks
	records records // at a client, who waits for the record of another
}

// Settings are how a [Peer] is set up.
type Settings struct {
	HeaderLen  int // bytes
	MaxFrame   int // bytes of the longest payload that is read
	MaxCommand int // bytes of the longest name of a command that is sent

	// Unknown is what a client of 2.x or 3.0a is taken for before its first command. Zero is for nothing: what it
	// is sent is held back, up to MaxHeld bytes, which count for Budget.
	Unknown Dialect
	MaxHeld int
	Budget  *budget.Budget
}

// Server returns the peer of a client, which says hello to a server that speaks d, and the bytes with which the
// client opens. They are nil if they do not fit the header.
func Server(d Dialect, h Hello, s Settings) (p *Peer, hello []byte) {
	p = &Peer{headerLen: s.HeaderLen, maxFrame: s.MaxFrame, maxCommand: s.MaxCommand, isServer: true, settled: true, hello: h}
	p.set(d)
	return p, p.fitting(p.speaks().appendHello(nil, p.headerLen, h))
}

// A Newcomer is a client that has not said hello.
type Newcomer struct {
	*Peer
	Settings
}

// Client returns the peer of a server, a client of which nothing has been read.
func Client(s Settings) Newcomer {
	p := &Peer{headerLen: s.HeaderLen, maxFrame: s.MaxFrame, maxCommand: s.MaxCommand, settled: true}
	p.set(V002)
	return Newcomer{p, s}
}

// Hello reads the hello at the beginning of b, of max bytes at most. size is how long it is. If ok is false and
// err nil, more of it has to come.
func (n Newcomer) Hello(b []byte, max int) (h Hello, size int, ok bool, err error) {
	p := n.Peer
	payload, size, ok, err := classic.Next(b, p.headerLen, max)
	if ok {
		parse := classic.ParseHello
		if classic.IsHelloTyped(payload) {
			parse = classic.ParseHelloTyped
			p.settled = false
			if n.Unknown != 0 {
				p.set(n.Unknown)
			} else {
				p.set(Unknown)
				p.hold.begin(n.MaxHeld, n.Budget)
			}
		}
		p.hello, err = parse(payload)
		p.welcomed = err == nil
	}
	if !ok || err != nil { // if it is shorter, what is set may be more than will ever come
		if wrong := classic.WrongHeader(b, p.headerLen); wrong != nil {
			return Hello{}, size, ok, option(wrong, "ClassicOptions.HeaderLen")
		}
	}
	return p.hello, size, ok, err
}

// Dialect is what the peer speaks, as far as it is known.
func (p *Peer) Dialect() Dialect { return Dialect(p.said.Load()) }

func (p *Peer) set(d Dialect) { p.said.Store(uint32(d)) }

// turn notes that the peer does what only those of another dialect do.
func (p *Peer) turn(from, to Dialect) {
	if p.Dialect() == from {
		p.set(to)
	}
}

func (p *Peer) speaks() dialect { return dialects[p.Dialect()] }

func (p *Peer) traits() traits { return p.speaks().traits() }

// Caps is what the peer can do.
func (p *Peer) Caps() Caps { return p.traits().caps }

// Said is what the peer is called, and which group it has named.
func (p *Peer) Said() Hello {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hello
}

// SetName notes that the peer is called otherwise.
func (p *Peer) SetName(to Label) {
	p.mu.Lock()
	p.hello.Name = to
	p.mu.Unlock()
}

// SetGroup notes that the peer has named another group.
func (p *Peer) SetGroup(to Label) {
	p.mu.Lock()
	p.hello.Group = to
	p.mu.Unlock()
}

// Next splits the first frame off b, as [wire.Next] does. The reader calls it.
func (p *Peer) Next(b []byte) (payload []byte, size int, ok bool, err error) {
	payload, size, ok, err = p.speaks().next(b, p.headerLen, p.maxFrame, p.isServer)
	if !p.begun && p.isServer { // what a server says first may tell that the two ends are not set alike
		if wrong := classic.WrongHeader(b, p.headerLen); wrong != nil {
			return nil, 0, false, option(wrong, "Classic.HeaderLen")
		}
	}
	p.begun = p.begun || ok
	return payload, size, ok, err
}

// An End is what the end of the stream means.
type End uint8

const (
	EndUnclear End = iota // what it means natively
	EndLeft               // the peer has left
	EndUnheard            // the server may have ended of a hello that is not of its release
)

// Ended says what it means that reading failed with err while an unfinished frame of so many bytes had come. The
// reader calls it.
func (p *Peer) Ended(rest int, err error) End {
	switch {
	case rest > 0 || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET):
	case p.isServer && !p.begun:
		return EndUnheard
	case !p.isServer && !p.traits().leaves:
		return EndLeft
	}
	return EndUnclear
}

// IsServer reports whether the peer is a server.
func (p *Peer) IsServer() bool { return p.isServer }

// AliveProbe is what the peer is sent to find out whether it is alive, or nil if it would not answer.
func (p *Peer) AliveProbe() []byte {
	if p.isServer || !p.traits().alive {
		return nil
	}
	return classic.AppendAliveProbe(nil, p.headerLen)
}

// Welcome is the first frame that a client gets: that it has come itself, as a server of its release says. It is
// nil if that says nothing.
func (p *Peer) Welcome(own *View) []byte {
	if !p.traits().greets {
		return nil
	}
	return p.notice(own, true)
}

// Greets reports whether [Peer.Welcome] returns anything.
func (p *Peer) Greets() bool { return p.traits().greets }

// Refusal is what a newcomer is told that is not let in: that it is disconnected. Of those who know that
// word one that is told nothing never finds out, or ends its program; to one of 0.0.2 it is a raw
// message. Whoever has not said a proper hello may not be able to read it.
func (p *Peer) Refusal() []byte {
	if !p.welcomed && !p.traits().greets {
		return nil
	}
	return classic.AppendDismissal(nil, p.headerLen)
}

// Goodbye is the last frame to the peer, or nil if its release has no word for that.
func (p *Peer) Goodbye() []byte {
	switch {
	case !p.isServer:
		return classic.AppendDismissal(nil, p.headerLen)
	case p.traits().mute:
		return nil
	}
	return classic.AppendLeaving(nil, p.headerLen)
}

// A View is a client as others are shown it.
type View struct {
	wire.Presence

	// EmptyName and EmptyGroup say that the client has said an empty one, which is not none.
	EmptyName, EmptyGroup bool
}

// NoticeForm says which peers share what they are sent of others, from 1 to [MaxForm].
func (p *Peer) NoticeForm() int { return p.traits().form }

// Change is what the peer is sent of a client that came, went, or is called something else now, for which it sees
// the client go and another come. Nil is a client that is not there. The result is nil if the header is too short.
func (p *Peer) Change(before, after *View) (frames []byte) {
	if before != nil {
		if frames = p.notice(before, false); frames == nil {
			return nil
		}
	}
	if after == nil {
		return frames
	}
	come := p.notice(after, true)
	if come == nil {
		return nil
	}
	return append(frames, come...)
}

// notice tells that another client came or went. It is nil if the header is too short.
func (p *Peer) notice(who *View, came bool) []byte {
	return p.fitting(p.speaks().appendNotice(nil, p.headerLen, inWords(who), came))
}

// fitting returns the frame if its length fits the header, and nil otherwise.
func (p *Peer) fitting(frame []byte) []byte {
	if len(frame) > classic.Size(p.headerLen, classic.MaxPayload(p.headerLen)) {
		return nil
	}
	return frame
}

// inWords is v in the original's words, with one group at most.
func inWords(v *View) Presence {
	p := Presence{IP: v.Addr, Name: label(v.Name, v.EmptyName)}
	if at, err := netip.ParseAddrPort(v.Addr); err == nil {
		p.IP, p.Port = at.Addr().Unmap().WithZone("").String(), int(at.Port())
	}
	group := ""
	if len(v.Groups) > 0 {
		group = v.Groups[0]
	}
	p.Group = label(group, v.EmptyGroup)
	return p
}

// label returns the label of a text, which is none if it is empty, unless it is said to be there.
func label(text string, there bool) Label {
	if text == "" && !there {
		return Label{}
	}
	return LabelOf(text)
}

// Show makes of how the peer, a client, is shown to all how it is shown to others of the original.
func (p *Peer) Show(v *View) {
	said := p.Said()
	v.EmptyName = v.Name == "" && said.Name == LabelOf("")
	v.EmptyGroup = len(v.Groups) == 0 && said.Group == LabelOf("")
	for _, g := range v.Groups {
		if g == said.Group.Text {
			v.Groups = []string{g}
			return
		}
	}
}

// Abbreviates reports whether the peer may mean by a payload what it has no text for: zero, false and
// whatever is empty by nothing, and true by one byte.
func (p *Peer) Abbreviates(payload []byte) bool {
	return len(payload) <= 1 && p.traits().empties && (len(payload) == 0 || payload[0] == 0)
}

// RecordDelay is how long the answer to a client waits that asks for a record, if it asks before it begins to
// listen: it would miss an answer that is there at once.
func (p *Peer) RecordDelay() time.Duration {
	if p.traits().delays {
		return recordDelay
	}
	return 0
}

const recordDelay = 10 * time.Millisecond

// Record tells a client of another, in the form in which it can read it: of nobody if of is nil. The result is nil
// if the header is too short.
func (p *Peer) Record(of *View) []byte {
	var who *Presence
	if of != nil {
		is := inWords(of)
		who = &is
	}
	return p.fitting(p.speaks().appendRecord(nil, p.headerLen, who))
}

// An Outgoing is a message for the peer that has not got its form.
type Outgoing struct {
	Raw     bool // it has no name
	Command string
	Payload []byte
	As      Form   // what the payload was made of
	Key     string // what the policy of its queue tells it from others by
}

// Check says why the peer cannot be sent o, whatever it carries, or nil.
func (p *Peer) Check(o *Outgoing) error { return p.speaks().check(p, o) }

// Encode returns o as the peer reads it.
func (p *Peer) Encode(o *Outgoing) ([]byte, error) {
	d := p.speaks()
	if err := d.check(p, o); err != nil {
		return nil, err
	}
	return d.encode(p, o)
}

// Sent returns the first frame of b as it was sent, as far as the protocol tells, and its size. It
// reports false for frames of the library's own.
func (p *Peer) Sent(b []byte) (o Outgoing, size int, ok bool) {
	payload, size, ok, err := classic.Next(b, p.headerLen, len(b))
	if err != nil || !ok {
		return Outgoing{}, len(b), false // a header too small for its number
	}
	o, ok = p.speaks().sent(p, payload)
	return o, size, ok
}

// fault is every error that this package makes: a *[wire.Error].
func fault(code wire.Code, text string) error { return &wire.Error{Code: code, Text: text} }

// option is the fault of a header of another length, with the option that says how long it is here.
func option(wrong error, name string) error {
	var w *wire.Error
	if !errors.As(wrong, &w) {
		return wrong
	}
	return fault(w.Code, w.Text+": see "+name)
}
