package wire

// A Standstill says that calls of the receiver wait at the sender for a handler that itself waits for
// the receiver, so that both may wait for each other. The package documentation says what follows from it.
type Standstill struct {
	// All says that all handlers of the connection that run wait for the receiver.
	All bool

	// Turn is the number of calls that the handler with the turn waits for: the first Turn calls of For. If Turn is
	// 0, that handler waits until any handler that runs beside the turn returns. 0 <= Turn <= len(For).
	Turn int

	// For are the ids of the sender's calls that its handlers wait for.
	For []uint64

	// Kept are the ids of the receiver's calls that wait.
	Kept []uint64
}

// MaxStandstill bounds the number of calls in For, and in Kept.
const MaxStandstill = 1024

// AppendStandstill appends a standstill.
func AppendStandstill(dst []byte, s *Standstill) []byte {
	body := make([]byte, 0, 8+2*(len(s.For)+len(s.Kept)))
	all := uint64(0)
	if s.All {
		all = 1
	}
	body = appendUvarint(appendUvarint(body, all), uint64(s.Turn))
	body = appendIDs(appendIDs(body, s.For), s.Kept)
	return append(appendHeader(dst, KindStandstill, 1+len(body)), body...)
}

func appendIDs(dst []byte, ids []uint64) []byte {
	dst = appendUvarint(dst, uint64(len(ids)))
	for _, id := range ids {
		dst = appendUvarint(dst, id)
	}
	return dst
}

// ParseStandstill parses the body of a standstill.
func ParseStandstill(body []byte) (*Standstill, error) {
	c := cursor{what: "standstill", b: body}
	s := &Standstill{}
	switch c.uvarint("all") {
	case 0:
	case 1:
		s.All = true
	default:
		c.fail(CodeProtocol, "all", "neither 0 nor 1")
	}
	turn := c.uvarint("turn")
	s.For = c.ids("for")
	s.Kept = c.ids("kept")
	if turn > uint64(len(s.For)) {
		c.fail(CodeProtocol, "turn", "more than there are")
	}
	s.Turn = int(turn)
	return s, c.done()
}

// ids takes a count and that many numbers.
func (c *cursor) ids(field string) (ids []uint64) {
	n := c.uvarint(field)
	if n > MaxStandstill {
		c.fail(CodeTooBig, field, "more than "+itoa(MaxStandstill))
		return nil
	}
	if n > uint64(len(c.b)) { // each takes a byte at least
		c.fail(CodeProtocol, field, "more announced than there can be")
		return nil
	}
	if n > 0 {
		ids = make([]uint64, 0, n)
	}
	for range n {
		ids = append(ids, c.uvarint(field))
	}
	return ids
}
