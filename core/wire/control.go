package wire

import "time"

// AppendPing appends a ping. The peer answers with a pong of the same nonce.
func AppendPing(dst []byte, nonce uint64) []byte { return appendNumbers(dst, KindPing, nonce) }

// AppendPong appends the answer to a ping.
func AppendPong(dst []byte, nonce uint64) []byte { return appendNumbers(dst, KindPong, nonce) }

// ParseNonce parses the body of a ping or pong.
func ParseNonce(body []byte) (nonce uint64, err error) {
	return parseNumber("ping or pong", "nonce", body)
}

// AppendAck tells the peer how many counted frames have been received since the
// session began. See [Kind.Counted].
func AppendAck(dst []byte, received uint64) []byte { return appendNumbers(dst, KindAck, received) }

// ParseAck parses the body of an ack.
func ParseAck(body []byte) (received uint64, err error) {
	return parseNumber("ack", "received", body)
}

// AppendMissed tells the peer how many frames meant for it were dropped since the session
// began, for want of room: their sender said that they may be.
func AppendMissed(dst []byte, total uint64) []byte { return appendNumbers(dst, KindMissed, total) }

// ParseMissed parses the body of a missed frame.
func ParseMissed(body []byte) (total uint64, err error) {
	return parseNumber("missed", "total", body)
}

// A Goodbye says why a connection ends, or why it does not begin: it is the body
// of goodbye and refuse frames alike.
type Goodbye struct {
	Code   Code
	Reason string // at most MaxReason bytes

	// RetryAfter is when a client may try again; zero says nothing about it. On
	// the wire it is in milliseconds, rounded up, at most about 24 days.
	RetryAfter time.Duration
}

// AppendGoodbye appends a goodbye. The reason is cut to [MaxReason]; what is not
// UTF-8 in it is replaced.
func AppendGoodbye(dst []byte, g Goodbye) []byte { return g.append(dst, KindGoodbye) }

// ParseGoodbye parses the body of a goodbye.
func ParseGoodbye(body []byte) (Goodbye, error) { return parseGoodbye(KindGoodbye, body) }

// AppendRefuse appends a refuse, as [AppendGoodbye] does a goodbye.
func AppendRefuse(dst []byte, g Goodbye) []byte { return g.append(dst, KindRefuse) }

// ParseRefuse parses the body of a refuse.
func ParseRefuse(body []byte) (Goodbye, error) { return parseGoodbye(KindRefuse, body) }

func (g Goodbye) append(dst []byte, k Kind) []byte {
	text, after := reason(g.Reason), millis(g.RetryAfter)
	dst = appendHeader(dst, k, 1+uvarintSize(uint64(g.Code))+stringSize(len(text))+uvarintSize(after))
	dst = appendUvarint(dst, uint64(g.Code))
	dst = appendString(dst, text)
	return appendUvarint(dst, after)
}

func parseGoodbye(k Kind, body []byte) (Goodbye, error) {
	c := cursor{what: k.String(), b: body}
	g := Goodbye{
		Code:       c.code("code"),
		Reason:     c.text("reason", MaxReason),
		RetryAfter: c.millis("retry after"),
	}
	if err := c.done(); err != nil {
		return Goodbye{}, err
	}
	return g, nil
}
