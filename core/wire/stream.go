package wire

// StreamItemSize is how many bytes [AppendStreamItem] adds for a payload of that
// many bytes.
func StreamItemSize(id uint64, payload int) int { return ReplySize(id, payload) }

// AppendStreamItem appends one item of the stream that belongs to the request
// with that id.
func AppendStreamItem(dst []byte, id uint64, payload []byte) []byte {
	return appendIDPayload(dst, KindStreamItem, id, payload)
}

// ParseStreamItem splits the body of a stream item. The payload aliases body.
func ParseStreamItem(body []byte) (id uint64, payload []byte, err error) {
	return parseIDPayload(KindStreamItem, body)
}

// AppendStreamEnd appends the end of a stream: [CodeNone] when all its items
// were sent, otherwise why not. The reason is treated as in [AppendGoodbye].
func AppendStreamEnd(dst []byte, id uint64, why Goodbye) []byte {
	return why.appendTo(dst, KindStreamEnd, id)
}

// ParseStreamEnd parses the body of a stream end. The details alias body.
func ParseStreamEnd(body []byte) (id uint64, why Goodbye, err error) {
	return parseIDGoodbye(KindStreamEnd, body)
}

// AppendStreamCredit allows the peer to send n more items.
func AppendStreamCredit(dst []byte, id, n uint64) []byte {
	return appendNumbers(dst, KindStreamCredit, id, n)
}

// ParseStreamCredit parses the body of a stream credit.
func ParseStreamCredit(body []byte) (id, n uint64, err error) {
	c := cursor{what: "stream credit", b: body}
	id = c.uvarint("id")
	n = c.uvarint("credit")
	if err := c.done(); err != nil {
		return 0, 0, err
	}
	return id, n, nil
}
