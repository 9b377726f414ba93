package wire

import (
	"time"
	"unicode/utf8"
)

// A Goodbye says why a connection ends, why it does not begin, why a call failed
// or why a stream ended: it is the body of goodbye and refuse frames, and what
// follows the id in a failure or stream end.
type Goodbye struct {
	Code   Code
	Reason string // for people; at most MaxReason bytes

	// RetryAfter is when the receiver may try again; zero says nothing about it. On
	// the wire it is in milliseconds, rounded up, at most about 24 days.
	RetryAfter time.Duration

	// Details are the program's own, in a form that the two programs have agreed
	// on. Only the limit of the frame bounds them.
	Details []byte
}

// Within returns what of g fits a frame of any of its kinds whose limit is so many bytes,
// at least 64. Details that do not fit are left out, and then a reason that does not
// fit is cut. whole reports that all details are there.
func (g Goodbye) Within(limit int) (part Goodbye, whole bool) {
	room := max(limit, 64) - goodbyeOverhead
	g.Reason = reason(g.Reason, min(room, MaxReason))
	if len(g.Details) <= room-len(g.Reason) {
		return g, true
	}
	g.Details = nil
	return g, false
}

// goodbyeOverhead is what kind, id, code, the reason's length and the time take at
// most, in bytes.
const goodbyeOverhead = 1 + 10 + 5 + 2 + 5

// AppendGoodbye appends a goodbye. What is not UTF-8 in the reason is replaced. A
// reason over [MaxReason] is cut at the end of a character, and "…" says so.
func AppendGoodbye(dst []byte, g Goodbye) []byte { return g.appendTo(dst, KindGoodbye) }

// ParseGoodbye parses the body of a goodbye. The details alias body.
func ParseGoodbye(body []byte) (Goodbye, error) { return parseGoodbye(KindGoodbye, body) }

// AppendRefuse appends a refuse, as [AppendGoodbye] does a goodbye.
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

// goodbye takes all that is left. It is zero if there was a fault.
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

// reason makes a text fit for the wire: at most max bytes, all UTF-8, with a mark if its
// end is missing.
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
