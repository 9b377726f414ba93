package wire

// RequestSize returns how many bytes [AppendRequest] adds for a payload of that many
// bytes.
func RequestSize(id uint64, name string, payload int) int {
	return Size(requestLength(id, name, payload))
}

func requestLength(id uint64, name string, payload int) int {
	return 1 + uvarintSize(id) + stringSize(len(name)) + payload
}

// AppendRequest appends a request frame. The caller chooses the id: it must differ
// from the ids of all requests and asks of the caller that are not answered yet.
func AppendRequest(dst []byte, id uint64, name string, payload []byte) []byte {
	return AppendAnswered(dst, KindRequest, id, name, payload)
}

// AppendAnswered appends a frame of a kind that is answered. The payload of an ask join is a position that
// [AppendPosition] has made, or empty; the payload of an ask leave or ask rename is empty.
func AppendAnswered(dst []byte, k Kind, id uint64, name string, payload []byte) []byte {
	dst = appendHeader(dst, k, requestLength(id, name, len(payload)))
	dst = appendUvarint(dst, id)
	dst = appendString(dst, name)
	return append(dst, payload...)
}

// ParseRequest splits the body of a request frame. Name and payload alias body.
// As with [ParseCommand], the name is not checked.
func ParseRequest(body []byte) (id uint64, name, payload []byte, err error) {
	if id, n := uvarint(body); n > 0 && n < len(body) && body[n] < 0x80 { // nearly always
		if from, end := n+1, n+1+int(body[n]); end <= len(body) {
			return id, body[from:end:end], body[end:], nil
		}
	}
	c := cursor{what: "request", b: body}
	id = c.uvarint("id")
	name = c.bytes("name")
	if c.err != nil {
		return 0, nil, nil, c.err
	}
	return id, name, c.b, nil
}

// ReplySize returns how many bytes [AppendReply] adds for a payload of that many
// bytes.
func ReplySize(id uint64, payload int) int { return Size(1 + uvarintSize(id) + payload) }

// AppendReply appends the reply to the request with that id.
func AppendReply(dst []byte, id uint64, payload []byte) []byte {
	return appendIDPayload(dst, KindReply, id, payload)
}

// ParseReply splits the body of a reply frame. The payload aliases body.
func ParseReply(body []byte) (id uint64, payload []byte, err error) {
	return parseIDPayload(KindReply, body)
}

// AppendFailure appends a failure that answers the request with that id. The
// reason is treated as in [AppendGoodbye]. Since a failure has a code, [CodeNone] is
// sent as [CodeInternal].
func AppendFailure(dst []byte, id uint64, why Goodbye) []byte {
	if why.Code == CodeNone {
		why.Code = CodeInternal
	}
	return why.appendTo(dst, KindFailure, id)
}

// ParseFailure parses the body of a failure frame. The code is not [CodeNone].
// The details alias body.
func ParseFailure(body []byte) (id uint64, why Goodbye, err error) {
	id, why, err = parseIDGoodbye(KindFailure, body)
	if err == nil && why.Code == CodeNone {
		return 0, Goodbye{}, &Error{CodeProtocol, "failure: code: 0"}
	}
	return id, why, err
}

// AppendCancel appends a cancel for the request with that id.
func AppendCancel(dst []byte, id uint64) []byte { return appendNumbers(dst, KindCancel, id) }

// ParseCancel parses the body of a cancel frame.
func ParseCancel(body []byte) (id uint64, err error) {
	return parseNumber("cancel", "id", body)
}

func appendIDPayload(dst []byte, k Kind, id uint64, payload []byte) []byte {
	dst = appendHeader(dst, k, 1+uvarintSize(id)+len(payload))
	dst = appendUvarint(dst, id)
	return append(dst, payload...)
}

func parseIDPayload(k Kind, body []byte) (id uint64, payload []byte, err error) {
	if id, n := uvarint(body); n > 0 { // nearly always
		return id, body[n:], nil
	}
	c := cursor{what: k.String(), b: body}
	id = c.uvarint("id")
	return id, c.b, c.err
}

func parseNumber(what, field string, body []byte) (uint64, error) {
	c := cursor{what: what, b: body}
	v := c.uvarint(field)
	if err := c.done(); err != nil {
		return 0, err
	}
	return v, nil
}
