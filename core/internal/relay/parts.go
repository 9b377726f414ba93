package relay

import (
	"encoding/binary"
	"math"

	"github.com/hisock/hisock/core/internal/lock"
)

// A Part is a part of a message that is larger than the relay takes.
type Part struct {
	ID    uint64 // of the message, at its node
	Kind  Kind   // of the message
	Index uint64 // from 0 on
	Total uint64 // bytes of the whole body
	Piece []byte // not empty
}

// PartHead is the greatest size of a part without its piece, in bytes.
const PartHead = HeaderSize + 1 + 3*binary.MaxVarintLen64

// Append appends the body.
func (p *Part) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, p.ID)
	b = append(b, byte(p.Kind))
	b = binary.AppendUvarint(b, p.Index)
	b = binary.AppendUvarint(b, p.Total)
	return append(b, p.Piece...)
}

// ParsePart reads the body of a part. Its Piece aliases the body.
func ParsePart(body []byte) (p Part, f Fault) {
	c := cursor{b: body}
	p.ID = c.number(math.MaxUint64)
	p.Kind = Kind(c.take())
	p.Index = c.number(math.MaxUint64)
	p.Total = c.number(math.MaxUint64)
	p.Piece = c.rest()
	switch {
	case c.fault != None:
	case p.Kind != KindSend && p.Kind != KindQuestion && p.Kind != KindAnswer && p.Kind != KindPresence:
		c.fail(Unknown)
	case len(p.Piece) == 0:
		c.fail(Short)
	case uint64(len(p.Piece)) > p.Total:
		c.fail(Long)
	}
	if f = c.end(); f != None {
		return Part{}, f
	}
	return p, None
}

// Split returns the parts of a message that NewMessage has begun, none of which is longer than most.
func Split(message []byte, id uint64, most int) (parts [][]byte) {
	head, body := message[:HeaderSize], message[HeaderSize:]
	p := Part{ID: id, Kind: Kind(head[1]), Total: uint64(len(body))}
	node := binary.BigEndian.Uint64(head[2:])
	for ; len(body) > 0; p.Index++ {
		n := min(len(body), most-PartHead)
		p.Piece, body = body[:n], body[n:]
		parts = append(parts, p.Append(NewMessage(KindPart, node, PartHead-HeaderSize+n)))
	}
	return parts
}

// Parts puts messages together that come in parts. The parts of one node come one message after the other, and in order. If one is missing, the
// message is dropped; its number says that it was lost. All methods are safe for concurrent use.
type Parts struct {
	limit int // bytes of one message, and of all parts that wait

	mu   lock.Mutex[lock.RelayParts] // guards the fields below
	held int                         // bytes of all parts that wait
	of   map[uint64]*partial         // by node
}

// A partial is a message of which parts have come.
type partial struct {
	id, total, next uint64
	kind            Kind
	age             int // looks since the last part
	b               []byte
}

// oldPart is how many looks a message waits for its next part.
const oldPart = 4

// NewParts returns no parts. limit bounds one message, and all parts that wait, in bytes.
func NewParts(limit int) *Parts { return &Parts{limit: limit, of: make(map[uint64]*partial)} }

// Got takes a part of a node. With the last one it returns the body of the message, which the caller owns. full reports that
// the message was dropped because too much waits; that is reported once for each message.
func (t *Parts) Got(node uint64, p Part) (whole []byte, full bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.of[node]
	if p.Index == 0 {
		t.dropLocked(node)
		if p.Total > uint64(t.limit) || t.held+len(p.Piece) > t.limit {
			return nil, true
		}
		m = &partial{id: p.ID, total: p.Total, kind: p.Kind}
		t.of[node] = m
	}
	if m == nil {
		return nil, false // it was dropped
	}
	if p.ID != m.id || p.Kind != m.kind || p.Total != m.total || p.Index != m.next || uint64(len(m.b)+len(p.Piece)) > m.total {
		t.dropLocked(node)
		return nil, false
	}
	if t.held+len(p.Piece) > t.limit {
		t.dropLocked(node)
		return nil, true
	}
	m.b = append(m.b, p.Piece...)
	m.next++
	m.age = 0
	t.held += len(p.Piece)
	if uint64(len(m.b)) < m.total {
		return nil, false
	}
	t.dropLocked(node)
	return m.b, false
}

func (t *Parts) dropLocked(node uint64) {
	if m := t.of[node]; m != nil {
		t.held -= len(m.b)
		delete(t.of, node)
	}
}

// Look drops messages that have waited for a part for long, and returns their nodes.
func (t *Parts) Look() (dropped []uint64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for node, m := range t.of {
		if m.age++; m.age > oldPart {
			t.dropLocked(node)
			dropped = append(dropped, node)
		}
	}
	return dropped
}
