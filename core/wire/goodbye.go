package wire

import (
	"time"
	"unicode/utf8"
)

// A Goodbye says why a connection ends, why it does not begin, why a call has failed
// or why a stream has ended. It is the body of goodbye and refuse frames, and the rest
// of the body after the id in a failure or stream end.
type Goodbye struct {
	Code   Code
	Reason string // for people; at most MaxReason bytes

	// RetryAfter is the time after which the receiver may try again; zero means that the sender does not say. On
	// the wire it is in milliseconds, rounded up, at most about 24 days.
	RetryAfter time.Duration

	// Details are the program's own, in a form that the two programs have agreed
	// on. Only the limit of the frame bounds them.
	Details []byte
}

// Within returns g, cut so that a frame of each kind that carries it keeps the limit, in bytes. A limit below 64 counts
// as 64. Details that do not fit are left out, and then a reason that does not
// fit is cut. whole reports whether all details are there.
func (g Goodbye) Within(limit int) (part Goodbye, whole bool) {
	room := max(limit, 64) - goodbyeOverhead
	g.Reason = reason(g.Reason, min(room, MaxReason))
	if len(g.Details) <= room-len(g.Reason) {
		return g, true
	}
	g.Details = nil
	return g, false
}

// goodbyeOverhead is the greatest size of kind, id, code, the reason's length and the time together, in bytes.
const goodbyeOverhead = 1 + 10 + 5 + 2 + 5

// AppendGoodbye appends a goodbye. Bytes of the reason that are not UTF-8 are replaced. A
// reason over [MaxReason] is cut at the end of a character, and ends with "…" then.
func AppendGoodbye(dst []byte, g Goodbye) []byte { return g.appendTo(dst, KindGoodbye) }

// ParseGoodbye parses the body of a goodbye. The details alias body.
func ParseGoodbye(body []byte) (Goodbye, error) { return parseGoodbye(KindGoodbye, body) }

// AppendRefuse appends a refuse, as [AppendGoodbye] appends a goodbye.
func AppendRefuse(dst []byte, g Goodbye) []byte { return g.appendTo(dst, KindRefuse) }

// ParseRefuse parses the body of a refuse. The details alias body.
func ParseRefuse(body []byte) (Goodbye, error) { return parseGoodbye(KindRefuse, body) }

// appendTo appends a frame of kind k, with an id if there is one.
func (g Goodbye) appendTo(dst []byte, k Kind, id ...uint64) []byte {
	text, after := reason(g.Reason, MaxReason), millis(g.RetryAfter)
	n := 1 + uvarintSize(uint64(g.Code)) + stringSize(len(text)) + uvarintSize(after) + len(g.Details)
	for _, id := range id {
		n += uvarintSize(id)
	}
	dst = appendHeader(dst, k, n)
	for _, id := range id {
		dst = appendUvarint(dst, id)
	}
	dst = appendUvarint(dst, uint64(g.Code))
	dst = appendString(dst, text)
	dst = appendUvarint(dst, after)
	return append(dst, g.Details...)
}

func parseGoodbye(k Kind, body []byte) (Goodbye, error) {
	c := cursor{what: k.String(), b: body}
	g := c.goodbye("reason")
	return g, c.err
}

func parseIDGoodbye(k Kind, body []byte) (id uint64, g Goodbye, err error) {
	c := cursor{what: k.String(), b: body}
	id = c.uvarint("id")
	if g = c.goodbye("message"); c.err != nil {
		return 0, Goodbye{}, c.err
	}
	return id, g, nil
}

// goodbye takes the rest of the body. It returns a zero Goodbye after a fault.
func (c *cursor) goodbye(text string) Goodbye {
	g := Goodbye{
		Code:       c.code("code"),
		Reason:     c.text(text, MaxReason),
		RetryAfter: c.millis("retry after"),
	}
	if c.err != nil {
		return Goodbye{}
	}
	if len(c.b) > 0 {
		g.Details = c.b
	}
	return g
}

// reason returns a text for the wire: UTF-8 of at most max bytes, with "…" at the end if it was cut.
func reason(s string, max int) string {
	const mark = "…"
	long := len(s) > max
	s = Cut(s, max)
	if !utf8.ValidString(s) {
		s = string([]rune(s)) // each byte that is replaced becomes three
	}
	if long || len(s) > max {
		s = Cut(s, max-len(mark)) + mark
	}
	return s
}
