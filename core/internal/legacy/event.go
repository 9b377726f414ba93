package legacy

import (
	"net/netip"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/wire"
)

// An Event tells the reader what to do with a frame.
type Event struct {
	Do Do

	Settled bool   // the frame has told which dialect the peer speaks: first send the messages that were held back
	Say     []byte // a frame to answer with at once, or nil

	// The name and the body of a command, if the frame may be a command. A caller may wait for a command of that name.
	Name, Body []byte

	Speaks Dialect // with Foreign: the server's dialect
}

// Do says what to do with a frame. See [Event].
type Do uint8

const (
	Nothing   Do = iota
	Turn         // handle the frame in its turn: see Parse
	Either       // as Turn if a handler takes the frame as a command, otherwise as Raw
	Raw          // the frame is a raw message
	Left         // the client leaves
	Dismissed    // the server has disconnected this client
	Foreign      // the server speaks another dialect: the connection must end
)

// Route returns the event of a frame with that payload. The reader calls it.
func (p *Peer) Route(payload []byte) Event {
	settled := p.settle(payload)
	e := p.speaks().route(p, payload)
	e.Settled = settled
	return e
}

// settle finds out from the first command of a client which of the two dialects with markers the client speaks. It reports
// whether the payload has told.
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

// marksOf returns the dialect with markers whose commands are plain text or, if plain is false, typed.
func marksOf(plain bool) Dialect {
	if plain {
		return V2x
	}
	return V30a
}

// A Message is the meaning of a frame that has its turn.
type Message struct {
	Is MessageKind

	// The name and the body of a command; see [Peer.Content]. A raw message has a body only.
	Name, Body []byte

	Who  wire.Presence // with NoticeMessage
	Came bool          // with NoticeMessage: the client has come; otherwise it has gone

	// The name or group that a client asks for. With AskMessage, Text is the name or address of the client whose record is
	// asked for.
	Wish Label

	Why error // with FaultyMessage
}

// MessageKind says what a [Message] is.
type MessageKind uint8

const (
	NoMessage MessageKind = iota // there is nothing to do
	CommandMessage
	RawMessage
	EitherMessage  // a command if a handler takes it; otherwise the whole payload is a raw message
	NoticeMessage  // another client came or went
	RenameMessage  // the client asks for another name, or for none
	RegroupMessage // the client asks to be in another group, or in none
	AskMessage     // the client asks for the record of another client
	FaultyMessage  // no handler takes the frame, for the reason in Why
)

// Parse returns the message of a frame with that payload. The goroutine that has the turn calls it.
func (p *Peer) Parse(payload []byte) Message { return p.speaks().parse(p, payload) }

// Content returns the content of a command as handlers take it, and the kind of value that the peer says the content is.
// It fails if it must convert the content and the result is longer than max bytes.
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

// shown converts a presence to the native protocol.
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

// A Value is the kind of value that a peer says a command carries.
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
