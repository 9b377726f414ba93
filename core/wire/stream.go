package wire

// Costs and credit of the frames of a stream.
const (
	// StreamItemCost is the credit that each item and part takes besides its payload, in bytes: it bounds empty items,
	// too.
	StreamItemCost = 32

	// FirstStreamCredit is the credit of the side that opens a stream before the other side grants any, in bytes.
	FirstStreamCredit = 16 << 10

	// MaxStreamCredit bounds the credit that a direction of a stream has at a time, in bytes.
	MaxStreamCredit = 1<<31 - 1
)

// An OpenStream has the fields of a stream frame.
type OpenStream struct {
	ID     uint64 // not 0; odd at a client, even at a server; greater than the id of each stream before
	Window uint64 // credit for the other side's items, in bytes; at most MaxStreamCredit
	Silent bool   // the side that opens it sends no items
	Name   []byte // not checked
	Arg    []byte // the payload
}

// StreamSize is how many bytes [AppendStream] adds.
func StreamSize(s *OpenStream) int { return Size(s.length()) }

func (s *OpenStream) length() int {
	return 1 + uvarintSize(s.ID) + uvarintSize(s.Window) + 1 + stringSize(len(s.Name)) + len(s.Arg)
}

// AppendStream appends the opening of a stream.
func AppendStream(dst []byte, s *OpenStream) []byte {
	dst = appendHeader(dst, KindStream, s.length())
	dst = appendUvarint(dst, s.ID)
	dst = appendUvarint(dst, s.Window)
	silent := byte(0)
	if s.Silent {
		silent = 1
	}
	dst = append(dst, silent)
	dst = appendUvarint(dst, uint64(len(s.Name)))
	dst = append(dst, s.Name...)
	return append(dst, s.Arg...)
}

// ParseStream parses the body of a stream frame. Name and Arg alias body.
func ParseStream(body []byte) (s OpenStream, err error) {
	c := cursor{what: "stream", b: body}
	if s.ID = c.uvarint("id"); s.ID == 0 {
		c.fail(CodeProtocol, "id", "0")
	}
	s.Window = c.credit("window", 0)
	switch c.uvarint("silent") {
	case 0:
	case 1:
		s.Silent = true
	default:
		c.fail(CodeProtocol, "silent", "neither 0 nor 1")
	}
	s.Name = c.bytes("name")
	if c.err != nil {
		return OpenStream{}, c.err
	}
	s.Arg = c.b
	return s, nil
}

// StreamItemSize is how many bytes [AppendStreamItem] and [AppendStreamPart] add for a payload of that
// many bytes.
func StreamItemSize(id uint64, payload int) int { return ReplySize(id, payload) }

// AppendStreamItem appends an item of a stream, or the last part of one.
func AppendStreamItem(dst []byte, id uint64, payload []byte) []byte {
	return appendIDPayload(dst, KindStreamItem, id, payload)
}

// ParseStreamItem splits the body of a stream item. The payload aliases body.
func ParseStreamItem(body []byte) (id uint64, payload []byte, err error) {
	return parseIDPayload(KindStreamItem, body)
}

// AppendStreamPart appends a part of an item, which is not empty and not the last.
func AppendStreamPart(dst []byte, id uint64, payload []byte) []byte {
	return appendIDPayload(dst, KindStreamPart, id, payload)
}

// ParseStreamPart splits the body of a stream part. The payload aliases body.
func ParseStreamPart(body []byte) (id uint64, payload []byte, err error) {
	id, payload, err = parseIDPayload(KindStreamPart, body)
	if err == nil && len(payload) == 0 {
		return 0, nil, &Error{CodeProtocol, "stream part: payload: empty"}
	}
	return id, payload, err
}

// AppendStreamEnd appends the end of a stream: [CodeNone] when the sender has sent all its items,
// otherwise why both directions end. The reason is treated as in [AppendGoodbye].
func AppendStreamEnd(dst []byte, id uint64, why Goodbye) []byte {
	return why.appendTo(dst, KindStreamEnd, id)
}

// ParseStreamEnd parses the body of a stream end. The details alias body.
func ParseStreamEnd(body []byte) (id uint64, why Goodbye, err error) {
	return parseIDGoodbye(KindStreamEnd, body)
}

// AppendStreamCredit allows the peer to send n more bytes, at least 1 and at most [MaxStreamCredit].
func AppendStreamCredit(dst []byte, id, n uint64) []byte {
	return appendNumbers(dst, KindStreamCredit, id, n)
}

// ParseStreamCredit parses the body of a stream credit.
func ParseStreamCredit(body []byte) (id, n uint64, err error) {
	c := cursor{what: "stream credit", b: body}
	id = c.uvarint("id")
	n = c.credit("credit", 1)
	if err := c.done(); err != nil {
		return 0, 0, err
	}
	return id, n, nil
}

// credit takes a number of bytes of credit.
func (c *cursor) credit(field string, least uint64) uint64 {
	n := c.uvarint(field)
	if n < least || n > MaxStreamCredit {
		c.fail(CodeProtocol, field, itoa(n)+" B, not from "+itoa(least)+" to "+itoa(uint64(MaxStreamCredit)))
		return 0
	}
	return n
}
