package legacy

import (
	"net/netip"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/wire"
)

// An Event is what a frame asks of whoever has read it.
type Event struct {
	Do Do

	Settled bool   // it has become known what the peer speaks: what was held back goes first
	Say     []byte // a frame to answer with at once, or nil

	// Name and Body are a command's, if it may be one. Somebody may wait for it by its name.
	Name, Body []byte

	Speaks Dialect // of Foreign
}

// Do says what is to be done with a frame. See [Event].
type Do uint8

const (
	Nothing   Do = iota
	Turn         // it is handled in its turn: see Parse
	Either       // so it is if some handler takes it as a command; otherwise it is a raw message
	Raw          // a raw message
	Left         // the client leaves
	Dismissed    // the server has disconnected this client
	Foreign      // the server speaks another dialect, for which the connection ends
)

// Route says what a payload asks for. The reader calls it.
func (p *Peer) Route(payload []byte) Event {
	settled := p.settle(payload)
	e := p.speaks().route(p, payload)
	e.Settled = settled
	return e
}

// settle finds out by the first command of a client which of the two dialects with markers it speaks.
func (p *Peer) settle(payload []byte) bool {
	if p.settled {
		return false
	}
	plain, sure := classic.IsPlain(payload)
	if !sure {
		return false
	}
	p.settled = true
	p.set(marksOf(plain))
	return true
}

// marksOf is the dialect with markers whose commands are plain text, or typed.
func marksOf(plain bool) Dialect {
	if plain {
		return V2x
	}
	return V30a
}

// A Message is what a frame says that has its turn.
type Message struct {
	Is MessageKind

	// Name and Body are a command's; see [Peer.Content]. Body alone is a raw message's.
	Name, Body []byte

	Who  wire.Presence // of a notice
	Came bool          // of a notice: otherwise it went

	Wish Label // the name or group that a client wishes, or, as text, whose record it asks for

	Why error // of a faulty one
}

// MessageKind says what a [Message] is.
type MessageKind uint8

const (
	NoMessage      MessageKind = iota // nothing is to be done
	CommandMessage                    //
	RawMessage                        //
	EitherMessage                     // a command if some handler takes it as one, otherwise all of the payload is raw
	NoticeMessage                     // another client came or went
	RenameMessage                     // the client wishes another name, or none
	RegroupMessage                    // the client wishes to be in another group, or in none
	AskMessage                        // the client asks for the record of another
	FaultyMessage                     // it is for nobody; Why says why
)

// Parse says what a payload says that has its turn. Whoever has the turn calls it.
func (p *Peer) Parse(payload []byte) Message { return p.speaks().parse(p, payload) }

// Content returns what a command carries as handlers take it, and which kind of value the peer says that it is. It
// fails for more than max bytes if it has to be written anew.
func (p *Peer) Content(body []byte, max int) (content []byte, v Value, err error) {
	return p.speaks().content(body, max)
}

func wish(k classic.Kind, rest []byte) Message {
	m := Message{Is: AskMessage, Wish: Label{Text: string(rest), Set: rest != nil}}
	switch k {
	case classic.KindRename:
		m.Is = RenameMessage
	case classic.KindRegroup:
		m.Is = RegroupMessage
	}
	return m
}

func notice(who Presence, came bool, err error) Message {
	if err != nil {
		return Message{Is: FaultyMessage, Why: err}
	}
	return Message{Is: NoticeMessage, Who: shown(who), Came: came}
}

// shown is a presence in the words of the native protocol.
func shown(who Presence) wire.Presence {
	p := wire.Presence{Name: who.Name.Text, Addr: who.IP}
	if at, err := netip.ParseAddr(who.IP); err == nil && who.Port >= 0 && who.Port <= 65535 {
		p.Addr = netip.AddrPortFrom(at, uint16(who.Port)).String()
	}
	if who.Group.Set {
		p.Groups = []string{who.Group.Text}
	}
	return p
}

func isNotice(payload []byte) bool {
	_, _, ok, _ := classic.ParseNotice(payload)
	return ok
}

// A Value is which kind of value a peer says that a command carries.
type Value uint8

const (
	ValueUnsaid Value = iota
	ValueNone
	ValueBytes
	ValueText
	ValueInteger
	ValueFloat
	ValueList
	ValueTuple
	ValueMap
)
