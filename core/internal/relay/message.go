package relay

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
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

// A Subject says what a question asks.
type Subject uint8

const (
	Survey     Subject = iota + 1 // a question of the program, whose name is Word
	Find                          // which clients of the node are of the audience
	Count                         // how many they are
	Call                          // the call Word at a client of the audience
	Disconnect                    // that the clients of the audience are disconnected, for the reason in Rest
	MakeRoom                      // that a client of the audience makes room for a newcomer of the user Word
	lastSubject
)

// A Question is what a node asks another.
type Question struct {
	ID      uint64
	Subject Subject
	Within  uint64 // milliseconds; 0 is no limit
	To      Audience
	Name    string
	Conn    uint64
	Word    string
	Rest    []byte
}

// Append appends the body.
func (q *Question) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, q.ID)
	b = append(b, byte(q.Subject))
	b = binary.AppendUvarint(b, q.Within)
	b = append(b, byte(q.To))
	b = appendText(b, q.Name)
	b = binary.AppendUvarint(b, q.Conn)
	b = appendText(b, q.Word)
	return append(b, q.Rest...)
}

// Size is the size of the body, or a little more.
func (q *Question) Size() int {
	return 2 + 5*binary.MaxVarintLen64 + len(q.Name) + len(q.Word) + len(q.Rest)
}

// ParseQuestion reads the body of a question. Its Rest aliases the body.
func ParseQuestion(body []byte) (q Question, f Fault) {
	c := cursor{b: body}
	q.ID = c.number(math.MaxUint64)
	if q.Subject = Subject(c.below(byte(lastSubject))); q.Subject == 0 {
		c.fail(Unknown)
	}
	q.Within = c.number(maxMillis)
	q.To = Audience(c.below(byte(lastAudience)))
	q.Name = c.text(MaxName)
	q.Conn = c.number(math.MaxUint64)
	q.Word = c.text(MaxName)
	q.Rest = c.rest()
	if f = c.end(); f != None {
		return Question{}, f
	}
	return q, None
}

// maxMillis bounds times, as package wire does.
const maxMillis = math.MaxInt32

// An Answer is the answer to a question.
type Answer struct {
	ID     uint64
	Code   uint32 // 0: it has gone well
	Remote bool   // the error is the answer of a client
	Retry  uint64 // milliseconds to wait before another attempt
	Reason string
	Rest   []byte
}

const answerRemote = 1

// Append appends the body.
func (a *Answer) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, a.ID)
	b = binary.AppendUvarint(b, uint64(a.Code))
	b = append(b, flag(a.Remote, answerRemote))
	b = binary.AppendUvarint(b, min(a.Retry, maxMillis))
	b = appendText(b, a.Reason)
	return append(b, a.Rest...)
}

// Size is the size of the body, or a little more.
func (a *Answer) Size() int { return 1 + 4*binary.MaxVarintLen64 + len(a.Reason) + len(a.Rest) }

// ParseAnswer reads the body of an answer. Its Rest aliases the body.
func ParseAnswer(body []byte) (a Answer, f Fault) {
	c := cursor{b: body}
	a.ID = c.number(math.MaxUint64)
	a.Code = uint32(c.number(math.MaxUint32))
	a.Remote = c.byte(answerRemote) != 0
	a.Retry = c.number(maxMillis)
	a.Reason = c.text(MaxReason)
	a.Rest = c.rest()
	if f = c.end(); f != None {
		return Answer{}, f
	}
	return a, None
}

// AppendNumber appends the body of a give up or a probed.
func AppendNumber(b []byte, n uint64) []byte { return binary.AppendUvarint(b, n) }

// ParseNumber reads the body of a give up or a probed.
func ParseNumber(body []byte) (n uint64, f Fault) {
	c := cursor{b: body}
	n = c.number(math.MaxUint64)
	return n, c.end()
}

// A Client is what a node says of one of its clients, in the answer to a Find or in a presence.
type Client struct {
	Conn      uint64
	Name      string
	User      string
	Addr      string
	Suspended bool
	Gone      bool // it was there
}

const (
	clientSuspended = 1 << iota
	clientGone
	clientFlags = clientSuspended | clientGone
)

// Append appends a client.
func (l *Client) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, l.Conn)
	b = append(b, flag(l.Suspended, clientSuspended)|flag(l.Gone, clientGone))
	b = appendText(b, l.Name)
	b = appendText(b, l.User)
	return appendText(b, l.Addr)
}

// NextClient takes the first client off a list.
func NextClient(list []byte) (l Client, rest []byte, f Fault) {
	c := cursor{b: list}
	l.Conn = c.number(math.MaxUint64)
	flags := c.byte(clientFlags)
	l.Suspended, l.Gone = flags&clientSuspended != 0, flags&clientGone != 0
	l.Name, l.User, l.Addr = c.text(MaxName), c.text(MaxName), c.text(MaxName)
	return l, c.b, c.fault
}

// A Presence says what has changed of a node's clients, or, over several messages, who they all are.
type Presence struct {
	First bool   // it is the first message that says who all clients are
	Last  bool   // it is the last one
	List  []byte // of clients, for NextClient
}

const (
	presenceFirst = 1 << iota
	presenceLast
	presenceFlags = presenceFirst | presenceLast
)

// Append appends the body.
func (p *Presence) Append(b []byte) []byte {
	b = append(b, flag(p.First, presenceFirst)|flag(p.Last, presenceLast))
	return append(b, p.List...)
}

// ParsePresence reads the body of a presence. Its List aliases the body, and is well formed.
func ParsePresence(body []byte) (p Presence, f Fault) {
	c := cursor{b: body}
	flags := c.byte(presenceFlags)
	p = Presence{First: flags&presenceFirst != 0, Last: flags&presenceLast != 0, List: c.rest()}
	f = c.end()
	for list := p.List; f == None && len(list) > 0; {
		_, list, f = NextClient(list)
	}
	if f != None {
		return Presence{}, f
	}
	return p, None
}

// A cursor takes values off the front of a body. After the first fault it gives zero values.
type cursor struct {
	b     []byte
	fault Fault
}

func (c *cursor) fail(f Fault) {
	if c.fault == None {
		c.fault = f
	}
	c.b = nil
}

func (c *cursor) take() byte {
	if len(c.b) == 0 {
		c.fail(Short)
		return 0
	}
	v := c.b[0]
	c.b = c.b[1:]
	return v
}

// byte takes flags, of which mask are known.
func (c *cursor) byte(mask byte) byte {
	v := c.take()
	if v&^mask != 0 {
		c.fail(Unknown)
		return 0
	}
	return v
}

// below takes a byte that is less than end.
func (c *cursor) below(end byte) byte {
	v := c.take()
	if v >= end {
		c.fail(Unknown)
		return 0
	}
	return v
}

// number takes a number of at most most.
func (c *cursor) number(most uint64) uint64 {
	v, n := binary.Uvarint(c.b)
	switch {
	case n == 0:
		c.fail(Short)
		return 0
	case n < 0, v > most, n > 1 && c.b[n-1] == 0: // the last one is longer than it needs to be
		c.fail(BadNumber)
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) fixed() uint64 {
	if len(c.b) < 8 {
		c.fail(Short)
		return 0
	}
	v := binary.BigEndian.Uint64(c.b)
	c.b = c.b[8:]
	return v
}

// text takes a text of at most most bytes, and copies it.
func (c *cursor) text(most int) string {
	n := c.number(math.MaxUint64)
	switch {
	case c.fault != None:
		return ""
	case n > uint64(most):
		c.fail(TooLong)
		return ""
	case n > uint64(len(c.b)):
		c.fail(Short)
		return ""
	}
	v := c.b[:n]
	if !utf8.Valid(v) {
		c.fail(BadText)
		return ""
	}
	c.b = c.b[n:]
	return string(v)
}

func (c *cursor) rest() []byte {
	v := c.b
	c.b = nil
	return v
}

// end returns the first fault. Bytes that are left are one too.
func (c *cursor) end() Fault {
	if c.fault == None && len(c.b) > 0 {
		c.fail(Long)
	}
	return c.fault
}

func flag(set bool, bit byte) byte {
	if set {
		return bit
	}
	return 0
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
