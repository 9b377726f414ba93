package relay

import (
	"encoding/binary"
	"math"
)

// Version is the version of the format.
const Version = 1

// HeaderSize is the size of the head of a message, in bytes.
const HeaderSize = 22

// Bounds of what is in a message. Texts are in bytes.
const (
	MaxID     = 64
	MaxName   = 64 << 10
	MaxReason = 1024
	MaxExcept = 1024
)

// A Kind says what a message is.
type Kind uint8

const (
	KindHello Kind = iota + 1
	KindBye
	KindSend
	KindQuestion
	KindAnswer
	KindGiveUp
	KindProbe
	KindProbed
	KindWatch
	KindPresence
	KindStreams
	KindPart
	lastKind
)

// An Audience says which clients a message is for.
type Audience uint8

const (
	ToAll   Audience = iota
	ToGroup          // the members of a group
	ToUser           // the connections of a user
	ToNamed          // all clients of a name
	ToOne            // the only client of a name at the node
	ToConn           // one connection of the node
	lastAudience

	// ToWatchers stands for the topic of the nodes that tell their clients of clients of other nodes. No message has it.
	ToWatchers Audience = 0xfe

	// ToNodes stands for the topic of all nodes, also nodes without clients. No message has it.
	ToNodes Audience = 0xff
)

// A Head is the head of a message.
type Head struct {
	Kind   Kind
	Node   uint64 // the incarnation of the sender
	Lap    uint32
	Number uint64
}

// A Fault says what is wrong with a message. Its zero value is no fault.
type Fault uint8

const (
	None         Fault = iota
	Short              // it ends too early
	Long               // it goes on where it should end
	OtherVersion       // it is of another version
	Unknown            // a kind, a flag, an audience or a subject that there is not
	TooLong            // a text or a list exceeds its limit
	BadText            // a text is not UTF-8
	BadNumber          // a number is malformed, or out of its range
)

// String says it in words.
func (f Fault) String() string {
	switch f {
	case None:
		return "nothing"
	case Short:
		return "it is cut short"
	case Long:
		return "it is too long"
	case OtherVersion:
		return "it is of another version"
	case Unknown:
		return "it has a kind, a flag or an audience that is not known"
	case TooLong:
		return "a text or a list in it exceeds its limit"
	case BadText:
		return "a text in it is not UTF-8"
	}
	return "a number in it is malformed"
}

// NewMessage returns a message without number and body. size is the expected size of the body.
func NewMessage(k Kind, node uint64, size int) []byte {
	b := make([]byte, HeaderSize, HeaderSize+size)
	b[0], b[1] = Version, byte(k)
	binary.BigEndian.PutUint64(b[2:], node)
	return b
}

// number writes the number of a message.
func number(b []byte, lap uint32, n uint64) {
	binary.BigEndian.PutUint32(b[10:], lap)
	binary.BigEndian.PutUint64(b[14:], n)
}

// ParseHead returns the head of a message, and its body.
func ParseHead(b []byte) (Head, []byte, Fault) {
	switch {
	case len(b) == 0:
		return Head{}, nil, Short
	case b[0] != Version:
		return Head{}, nil, OtherVersion
	case len(b) < HeaderSize:
		return Head{}, nil, Short
	}
	h := Head{
		Kind: Kind(b[1]), Node: binary.BigEndian.Uint64(b[2:]),
		Lap: binary.BigEndian.Uint32(b[10:]), Number: binary.BigEndian.Uint64(b[14:]),
	}
	switch {
	case h.Kind == 0 || h.Kind >= lastKind:
		return Head{}, nil, Unknown
	case h.Node == 0 || h.Number == 0:
		return Head{}, nil, BadNumber
	}
	return h, b[HeaderSize:], None
}

// A Hello says that a node is there.
type Hello struct {
	ID     string
	Serves bool // it has or may have clients
	Asks   bool // it asks for the hello of who hears it
}

const (
	helloServes = 1 << iota
	helloAsks
	helloFlags = helloServes | helloAsks
)

// Append appends the body.
func (h *Hello) Append(b []byte) []byte {
	b = append(b, flag(h.Serves, helloServes)|flag(h.Asks, helloAsks))
	return appendText(b, h.ID)
}

// ParseHello reads the body of a hello.
func ParseHello(body []byte) (h Hello, f Fault) {
	c := cursor{b: body}
	flags := c.byte(helloFlags)
	h = Hello{Serves: flags&helloServes != 0, Asks: flags&helloAsks != 0, ID: c.text(MaxID)}
	return h, c.end()
}

// An Exception is a connection that a message is not for.
type Exception struct {
	Node uint64
	Conn uint64
}

// A Send is a command or raw message for clients.
type Send struct {
	To        Audience
	Name      string // of the group, the user or the clients
	Conn      uint64 // for ToConn
	Raw       bool
	Transient bool
	Form      uint8 // the kind of value that the payload was made of
	Except    []Exception
	Key       string
	Command   string
	Payload   []byte
}

const (
	sendRaw = 1 << iota
	sendTransient
	sendFlags = sendRaw | sendTransient
)

// Size is the size of the body, or a little more.
func (s *Send) Size() int {
	return 2 + 6*binary.MaxVarintLen32 + binary.MaxVarintLen64 + len(s.Name) + len(s.Except)*(8+binary.MaxVarintLen64) +
		len(s.Key) + len(s.Command) + len(s.Payload)
}

// Append appends the body.
func (s *Send) Append(b []byte) []byte {
	b = append(b, byte(s.To), flag(s.Raw, sendRaw)|flag(s.Transient, sendTransient))
	b = appendText(b, s.Name)
	b = binary.AppendUvarint(b, s.Conn)
	b = binary.AppendUvarint(b, uint64(s.Form))
	b = binary.AppendUvarint(b, uint64(len(s.Except)))
	for _, e := range s.Except {
		b = binary.BigEndian.AppendUint64(b, e.Node)
		b = binary.AppendUvarint(b, e.Conn)
	}
	b = appendText(b, s.Key)
	b = appendText(b, s.Command)
	return append(b, s.Payload...)
}

// ParseSend reads the body of a send. Its payload aliases the body.
func ParseSend(body []byte) (s Send, f Fault) {
	c := cursor{b: body}
	s.To = Audience(c.below(byte(lastAudience)))
	flags := c.byte(sendFlags)
	s.Raw, s.Transient = flags&sendRaw != 0, flags&sendTransient != 0
	s.Name = c.text(MaxName)
	s.Conn = c.number(math.MaxUint64)
	s.Form = uint8(c.number(math.MaxUint8))
	if n := c.number(math.MaxUint64); n > MaxExcept {
		c.fail(TooLong)
	} else if n > uint64(len(c.b))/9 { // each takes at least that much
		c.fail(Short)
	} else if n > 0 {
		s.Except = make([]Exception, n)
		for i := range s.Except {
			s.Except[i] = Exception{Node: c.fixed(), Conn: c.number(math.MaxUint64)}
		}
	}
	s.Key = c.text(MaxName)
	s.Command = c.text(MaxName)
	if s.Raw && len(s.Command) > 0 {
		c.fail(Unknown)
	}
	s.Payload = c.rest()
	if f = c.end(); f != None {
		return Send{}, f
	}
	return s, None
}
