package relay

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
)

// The session of a client moves from the node that has it, its keeper, to another node, the taker, over questions of the taker:
//
//	seek   is the session there? The keeper lets go of the stream that the client has left, and answers with a [Sight]
//	fence  all other nodes are asked, so that the keeper has had what they sent before the taker subscribed
//	take   the keeper freezes the session and answers with a [Parcel]: from then on the session is the taker's, whether it has got the
//	       answer or not. Taken again by the same taker, it answers the same
//	part   a further part of a session that does not fit into one answer
//	adopt  a node that goes asks another to take a session whose client is away
//
// A question about a session names it with a [Ticket].

// GotAll is the offset of a part that says that the taker has all parts.
const GotAll = math.MaxUint64

// ProofSize is the size of a proof in bytes.
const ProofSize = sha256.Size

// A Ticket names a session, and proves that the asker was given its token, without telling the token.
type Ticket struct {
	Node     uint64 // the node at which the session began
	Conn     uint64 // the connection's id there
	Proof    [ProofSize]byte
	Received uint64 // frames that the client has received
	Sight    uint64 // take: the digest of the sight that the taker has acted on
	Taker    uint64 // take: the connection's id at the taker
	Offset   uint64 // part: where it begins
}

// ProofOf returns the proof of a session's token, from which the token cannot be found.
func ProofOf(token []byte) [ProofSize]byte {
	return sha256.Sum256(append(append(make([]byte, 0, 64), "hisock session\x00"...), token...))
}

// Append appends the rest of a question about the session.
func (t *Ticket) Append(b []byte) []byte {
	b = binary.BigEndian.AppendUint64(b, t.Node)
	b = binary.AppendUvarint(b, t.Conn)
	b = append(b, t.Proof[:]...)
	b = binary.AppendUvarint(b, t.Received)
	b = binary.BigEndian.AppendUint64(b, t.Sight)
	b = binary.AppendUvarint(b, t.Taker)
	return binary.AppendUvarint(b, t.Offset)
}

// ParseTicket reads the rest of a question about a session.
func ParseTicket(b []byte) (t Ticket, f Fault) {
	c := cursor{b: b}
	t.Node = c.fixed()
	t.Conn = c.number(math.MaxUint64)
	copy(t.Proof[:], c.bytes(ProofSize))
	t.Received = c.number(math.MaxUint64)
	t.Sight = c.fixed()
	t.Taker = c.number(math.MaxUint64)
	t.Offset = c.number(math.MaxUint64)
	return t, c.end()
}

// MaxGroups bounds the groups of a session.
const MaxGroups = 1 << 16

// A Sight is what a taker must know before it takes a session. If Moved is not zero the session is at that node, or was last, and the rest is empty.
type Sight struct {
	Moved  uint64
	Name   string
	User   string
	Addr   string   // the client's address
	Groups []string // sorted

	Auth     []byte
	Metadata []string // keys and values in turn
	MaxFrame uint64   // the greatest frame that the client reads, in bytes
	AckBytes uint64   // the client wants an ack after that many bytes
	Notices  bool     // the client is told of others
}

const (
	sightHere = iota
	sightMoved
	lastSight

	sightNotices = 1
)

// Append appends the rest of an answer to a seek.
func (s *Sight) Append(b []byte) []byte {
	if s.Moved != 0 {
		return binary.BigEndian.AppendUint64(append(b, sightMoved), s.Moved)
	}
	b = append(b, sightHere, flag(s.Notices, sightNotices))
	b = appendText(b, s.Name)
	b = appendText(b, s.User)
	b = appendText(b, s.Addr)
	b = binary.AppendUvarint(b, uint64(len(s.Groups)))
	for _, g := range s.Groups {
		b = appendText(b, g)
	}
	b = appendBytes(b, s.Auth)
	b = binary.AppendUvarint(b, uint64(len(s.Metadata)))
	for _, m := range s.Metadata {
		b = appendText(b, m)
	}
	b = binary.AppendUvarint(b, s.MaxFrame)
	return binary.AppendUvarint(b, s.AckBytes)
}

// ParseSight reads the rest of an answer to a seek.
func ParseSight(b []byte) (s Sight, f Fault) {
	c := cursor{b: b}
	if c.below(lastSight) == sightMoved {
		if s.Moved = c.fixed(); s.Moved == 0 {
			c.fail(BadNumber)
		}
		return s, c.end()
	}
	s.Notices = c.byte(sightNotices) != 0
	s.Name = c.text(MaxName)
	s.User = c.text(MaxName)
	s.Addr = c.text(MaxName)
	s.Groups = c.texts(MaxGroups)
	s.Auth = c.part()
	if s.Metadata = c.texts(MaxMetadata); len(s.Metadata)%2 != 0 {
		c.fail(BadNumber)
	}
	s.MaxFrame = c.number(math.MaxInt32)
	s.AckBytes = c.number(math.MaxInt32)
	if f = c.end(); f != None {
		return Sight{}, f
	}
	return s, None
}

// Digest returns a number that another sight hardly has.
func (s *Sight) Digest() uint64 {
	sum := sha256.Sum256(s.Append(nil))
	return binary.BigEndian.Uint64(sum[:])
}

// A Parcel is a part of the answer to a take, or of the answers to the parts. If Again is set the session has not been taken, since the sight has changed.
type Parcel struct {
	Again bool
	Total uint64 // bytes of the whole session
	Part  []byte
}

const (
	parcelTaken = iota
	parcelAgain
	lastParcel
)

// Append appends the rest of an answer to a take or a part.
func (p *Parcel) Append(b []byte) []byte {
	if p.Again {
		return append(b, parcelAgain)
	}
	b = binary.AppendUvarint(append(b, parcelTaken), p.Total)
	return append(b, p.Part...)
}

// ParseParcel reads the rest of an answer to a take or a part. Its Part aliases b.
func ParseParcel(b []byte) (p Parcel, f Fault) {
	c := cursor{b: b}
	if c.below(lastParcel) == parcelAgain {
		p.Again = true
		return p, c.end()
	}
	p.Total = c.number(math.MaxUint64)
	p.Part = c.rest()
	if c.fault == None && (len(p.Part) == 0 || uint64(len(p.Part)) > p.Total) {
		c.fail(BadNumber)
	}
	return p, c.end()
}

// A Mark is how far what a node sends on a topic has come.
type Mark struct {
	Topic  string
	Node   uint64
	Lap    uint32
	Number uint64
}

// Covers reports whether a message is among those up to the mark.
func (m Mark) Covers(lap uint32, number uint64) bool {
	return lap < m.Lap || lap == m.Lap && number <= m.Number
}

// A Followed is how far a session has had a group that a store keeps.
type Followed struct {
	Group         string
	Epoch, Number uint64
}

// A Session is what moves of a session.
type Session struct {
	Parked  []byte   // what package parked makes of it
	Program []byte   // what the program has packed
	Names   []Origin // names by which the client may know the session
	Groups  []Followed
	Marks   []Mark // the keeper has had these messages for the session, and the taker must leave them out
}

// Bounds of what is in a session.
const (
	MaxMetadata = 1 << 12 // keys and values
	MaxMarks    = 1 << 20
)

// Append appends the session.
func (s *Session) Append(b []byte) []byte {
	b = append(b, Version)
	b = appendBytes(b, s.Parked)
	b = appendBytes(b, s.Program)
	b = binary.AppendUvarint(b, uint64(len(s.Names)))
	for _, o := range s.Names {
		b = binary.BigEndian.AppendUint64(b, o.Node)
		b = binary.AppendUvarint(b, o.Conn)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Groups)))
	for _, g := range s.Groups {
		b = appendText(b, g.Group)
		b = binary.BigEndian.AppendUint64(b, g.Epoch)
		b = binary.AppendUvarint(b, g.Number)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Marks)))
	for _, m := range s.Marks {
		b = appendText(b, m.Topic)
		b = binary.BigEndian.AppendUint64(b, m.Node)
		b = binary.AppendUvarint(b, uint64(m.Lap))
		b = binary.AppendUvarint(b, m.Number)
	}
	return b
}

// ParseSession reads a session. Its byte slices alias b.
func ParseSession(b []byte) (s Session, f Fault) {
	if len(b) > 0 && b[0] != Version {
		return Session{}, OtherVersion
	}
	c := cursor{b: b}
	c.take()
	s.Parked = c.part()
	s.Program = c.part()
	for n := c.number(MaxNames + 1); n > 0 && c.fault == None; n-- {
		s.Names = append(s.Names, Origin{Node: c.fixed(), Conn: c.number(math.MaxUint64)})
	}
	for n := c.number(MaxGroups); n > 0 && c.fault == None; n-- {
		s.Groups = append(s.Groups, Followed{Group: c.text(MaxName), Epoch: c.fixed(), Number: c.number(math.MaxUint64)})
	}
	const leastMark = 1 + 8 + 1 + 1
	n := c.number(math.MaxUint64)
	switch {
	case n > MaxMarks:
		c.fail(TooLong)
	case n > uint64(len(c.b))/leastMark:
		c.fail(Short)
	case n > 0:
		s.Marks = make([]Mark, n)
		for i := range s.Marks {
			s.Marks[i] = Mark{Topic: c.text(MaxID), Node: c.fixed(), Lap: uint32(c.number(math.MaxUint32)), Number: c.number(math.MaxUint64)}
		}
	}
	if f = c.end(); f != None {
		return Session{}, f
	}
	return s, None
}

// bytes takes n bytes, which alias the body.
func (c *cursor) bytes(n int) []byte {
	if len(c.b) < n {
		c.fail(Short)
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

// part takes bytes after their length. They alias the body.
func (c *cursor) part() []byte {
	n := c.number(math.MaxUint64)
	if n > uint64(len(c.b)) {
		c.fail(Short)
		return nil
	}
	return c.bytes(int(n))
}

// texts takes at most most texts after their number.
func (c *cursor) texts(most int) (list []string) {
	n := c.number(math.MaxUint64)
	switch {
	case n > uint64(most):
		c.fail(TooLong)
		return nil
	case n > uint64(len(c.b)): // each takes at least a byte
		c.fail(Short)
		return nil
	case n == 0:
		return nil
	}
	list = make([]string, n)
	for i := range list {
		list[i] = c.text(MaxName)
	}
	return list
}

func appendBytes(b, v []byte) []byte {
	b = binary.AppendUvarint(b, uint64(len(v)))
	return append(b, v...)
}

// At returns the topic's name at the relay.
func (t Topic) At() string {
	if t.To == ToConn {
		return TopicOfNode(t.Node)
	}
	return TopicOf(t.To, t.Name)
}
