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

// A Peer is the other end of a connection. Any goroutine may call its methods, unless a method says who calls it.
type Peer struct {
	headerLen  int  // bytes
	maxFrame   int  // bytes of the longest payload that is read
	maxCommand int  // bytes of the longest name of a command that is sent
	isServer   bool // the peer is a server

	said atomic.Uint32 // the [Dialect] that the peer speaks

	pace Pace // set before the first write; read by the writer

	// Owned by the reader.
	welcomed bool // the peer's hello is well formed
	settled  bool // it is known, or not in question, whether the peer speaks 2.x or 3.0a
	begun    bool // the peer's first frame has been read

	greeted bool // the first notice has come; owned by the goroutine that has the turn

	mu    lock.Mutex[lock.LegacyPeer] // guards the field below
	hello Hello                       // the peer's name, and the group that it has named; an empty label is not an absent label

	hold    hold    // at a server, messages whose form depends on a dialect that is not known yet
	records records // at a client, the callers that wait for a record
}

// Settings are the settings of a [Peer].
type Settings struct {
	HeaderLen  int // bytes
	MaxFrame   int // bytes of the longest payload that is read
	MaxCommand int // bytes of the longest name of a command that is sent

	// Unknown is the dialect that a client of 2.x or 3.0a is assumed to speak. If it is zero, messages for the client are
	// held back until its first command. They have at most MaxHeld bytes, which Budget counts.
	Unknown Dialect
	MaxHeld int
	Budget  *budget.Budget
}

// Server returns the peer of a client: a server that speaks d. hello is the frame with which the client says h. It is nil
// if it does not fit the header.
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

// Client returns the peer of a server: a client that has not sent anything.
func Client(s Settings) Newcomer {
	p := &Peer{headerLen: s.HeaderLen, maxFrame: s.MaxFrame, maxCommand: s.MaxCommand, settled: true}
	p.set(V002)
	return Newcomer{p, s}
}

// Hello reads the hello of at most max bytes at the beginning of b. size is its size in bytes. If ok is false and err is
// nil, b has only the beginning of the hello.
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
	if !ok || err != nil { // a header that is set too long would wait for bytes that never come
		if wrong := classic.WrongHeader(b, p.headerLen); wrong != nil {
			return Hello{}, size, ok, option(wrong, "ClassicOptions.HeaderLen")
		}
	}
	return p.hello, size, ok, err
}

// Dialect returns the dialect that the peer speaks, as far as it is known.
func (p *Peer) Dialect() Dialect { return Dialect(p.said.Load()) }

func (p *Peer) set(d Dialect) { p.said.Store(uint32(d)) }

// turn notes that a peer of dialect from has sent a frame that only peers of dialect to send.
func (p *Peer) turn(from, to Dialect) {
	if p.Dialect() == from {
		p.set(to)
	}
}

func (p *Peer) speaks() dialect { return dialects[p.Dialect()] }

func (p *Peer) traits() traits { return p.speaks().traits() }

// Caps returns what the peer can do.
func (p *Peer) Caps() Caps { return p.traits().caps }

// Said returns the peer's name, and the group that it has named.
func (p *Peer) Said() Hello {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hello
}

// SetName notes that the peer has another name.
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
	if !p.begun && p.isServer { // the first frame may show that the two ends have different HeaderLen
		if wrong := classic.WrongHeader(b, p.headerLen); wrong != nil {
			return nil, 0, false, option(wrong, "Classic.HeaderLen")
		}
	}
	p.begun = p.begun || ok
	return payload, size, ok, err
}

// An End is the meaning of the end of the stream.
type End uint8

const (
	EndUnclear End = iota // the same as with a native peer
	EndLeft               // the peer has left
	EndUnheard            // the server may not have understood the hello: it may be of another release
)

// Ended returns the meaning of the end of the stream. rest is the number of bytes of an unfinished frame that have come, and
// err the error of the last read. The reader calls it.
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

// AliveProbe returns a frame that asks the peer for a sign of life, or nil if the peer would not answer.
func (p *Peer) AliveProbe() []byte {
	if p.isServer || !p.traits().alive {
		return nil
	}
	return classic.AppendAliveProbe(nil, p.headerLen)
}

// Welcome returns the first frame for a client: a notice of the client itself, as a server of its release sends it. The
// result is nil if a server of its release sends no such notice.
func (p *Peer) Welcome(own *View) []byte {
	if !p.traits().greets {
		return nil
	}
	return p.notice(own, true)
}

// Greets reports whether [Peer.Welcome] returns anything.
func (p *Peer) Greets() bool { return p.traits().greets }

// Refusal returns the frame that tells a newcomer that it is not let in: a dismissal. A client of a release that knows the
// dismissal needs it: without the frame it never finds out, or ends its program. For a client of 0.0.2 the frame is a raw
// message. The result is nil for a newcomer without a proper hello, which may not be able to read the frame.
func (p *Peer) Refusal() []byte {
	if !p.welcomed && !p.traits().greets {
		return nil
	}
	return classic.AppendDismissal(nil, p.headerLen)
}

// Goodbye returns the last frame for the peer, or nil if the peer's dialect has no such frame.
func (p *Peer) Goodbye() []byte {
	switch {
	case !p.isServer:
		return classic.AppendDismissal(nil, p.headerLen)
	case p.traits().mute:
		return nil
	}
	return classic.AppendLeaving(nil, p.headerLen)
}

// A View is what other clients are shown of a client.
type View struct {
	wire.Presence

	// The client has said an empty name or group, which is not the same as none.
	EmptyName, EmptyGroup bool
}

// NoticeForm returns the number of the form of the peer's notices, from 1 to [MaxForm]. Peers with the same number can
// share the bytes of a notice.
func (p *Peer) NoticeForm() int { return p.traits().form }

// Change returns the frames that tell the peer of a change of another client. before is nil if the client has come, and
// after is nil if it has gone. If the client has another name now, the peer sees one client go and another client come.
// The result is nil if the frames do not fit the header.
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

// notice returns a frame that says that another client has come or gone. It is nil if it does not fit the header.
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

// inWords converts v to a presence of the original, with one group at most.
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

// label returns the label of a text. The label of an empty text is absent, unless there is set.
func label(text string, there bool) Label {
	if text == "" && !there {
		return Label{}
	}
	return LabelOf(text)
}

// Show turns the view that native clients get of the peer, a client, into the view that clients of the original get.
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

// Abbreviates reports whether a payload may be an abbreviation that the peer uses: an empty payload stands for zero, false
// and every empty value, and one byte 00 for true.
func (p *Peer) Abbreviates(payload []byte) bool {
	return len(payload) <= 1 && p.traits().empties && (len(payload) == 0 || payload[0] == 0)
}

// RecordDelay returns the time for which the answer to a request for a record must wait. A client that asks before it begins
// to listen would miss an answer that comes at once.
func (p *Peer) RecordDelay() time.Duration {
	if p.traits().delays {
		return recordDelay
	}
	return 0
}

const recordDelay = 10 * time.Millisecond

// Record returns the record of another client in the peer's form. If of is nil, the record says that there is no such client.
// The result is nil if the record does not fit the header.
func (p *Peer) Record(of *View) []byte {
	var who *Presence
	if of != nil {
		is := inWords(of)
		who = &is
	}
	return p.fitting(p.speaks().appendRecord(nil, p.headerLen, who))
}

// An Outgoing is a message for the peer that does not have the peer's form yet.
type Outgoing struct {
	Raw     bool // a raw message, without a name
	Command string
	Payload []byte
	As      Form   // kind of value from which the payload was made
	Key     string // the key of the message for OverflowLatest
}

// Check returns the error of a message that the peer cannot be sent, whatever its payload, or nil.
func (p *Peer) Check(o *Outgoing) error { return p.speaks().check(p, o) }

// Encode returns o in the peer's form.
func (p *Peer) Encode(o *Outgoing) ([]byte, error) {
	d := p.speaks()
	if err := d.check(p, o); err != nil {
		return nil, err
	}
	return d.encode(p, o)
}

// Sent returns the first frame of b as the program sent it, as far as the protocol tells, and its size in bytes. It reports
// false for a frame that the program did not send.
func (p *Peer) Sent(b []byte) (o Outgoing, size int, ok bool) {
	payload, size, ok, err := classic.Next(b, p.headerLen, len(b))
	if err != nil || !ok {
		return Outgoing{}, len(b), false // the length does not fit the header
	}
	o, ok = p.speaks().sent(p, payload)
	return o, size, ok
}

// fault returns a *[wire.Error]. Every error of this package is made by fault.
func fault(code wire.Code, text string) error { return &wire.Error{Code: code, Text: text} }

// option adds to the error for a header of another length the name of the option that sets the length here.
func option(wrong error, name string) error {
	var w *wire.Error
	if !errors.As(wrong, &w) {
		return wrong
	}
	return fault(w.Code, w.Text+": see "+name)
}
