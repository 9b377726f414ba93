package wire

import (
	"time"
	"unicode/utf8"
)

// A cursor takes values off the front of a body. After the first fault it gives
// zero values and keeps that fault, so that a parser checks once at its end.
type cursor struct {
	what string // the name of the frame, for error texts
	b    []byte // the bytes that are left
	err  error  // the first fault
}

func (c *cursor) fail(code Code, field, why string) {
	if c.err == nil {
		c.err = &Error{code, c.what + ": " + field + ": " + why}
	}
	c.b = nil
}

func (c *cursor) uvarint(field string) uint64 {
	if len(c.b) > 0 && c.b[0] < 0x80 {
		v := c.b[0]
		c.b = c.b[1:]
		return uint64(v)
	}
	return c.uvarintSlow(field)
}

func (c *cursor) uvarintSlow(field string) uint64 {
	v, n := uvarint(c.b)
	switch {
	case n == uvarintShort:
		c.fail(CodeProtocol, field, "number cut short")
		return 0
	case n < 0:
		c.fail(CodeProtocol, field, uvarintFault(n))
		return 0
	}
	c.b = c.b[n:]
	return v
}

// bytes takes a length and that many bytes, which alias the body.
func (c *cursor) bytes(field string) []byte {
	n := c.uvarint(field)
	if n > uint64(len(c.b)) {
		c.fail(CodeProtocol, field, byteCount(n)+" announced, "+byteCount(len(c.b))+" left")
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

// text takes a string of at most max bytes and copies it.
func (c *cursor) text(field string, max int) string {
	return c.textOf(field, c.bytes(field), max)
}

// textOf checks that b is UTF-8 of at most max bytes and copies it. A negative
// max means no limit. The error does not repeat b, which may be a
// value of a hello's metadata, and a secret.
func (c *cursor) textOf(field string, b []byte, max int) string {
	if !c.within(field, len(b), max) {
		return ""
	}
	if !utf8.Valid(b) {
		c.fail(CodeProtocol, field, "not UTF-8, "+byteCount(len(b)))
		return ""
	}
	return string(b)
}

// nameOf is textOf for a name that is empty or that [ValidName] accepts.
func (c *cursor) nameOf(field string, b []byte, max int) string {
	if len(b) == 0 {
		return ""
	}
	s := string(b[:clampLen(len(b), max)])
	if why := nameFault(s, len(b), max); why != "" {
		c.fail(CodeBadName, field, why)
		return ""
	}
	return s
}

// within reports whether a length keeps the limit max. It is called before anything of that length is allocated.
func (c *cursor) within(field string, n, max int) bool {
	if max >= 0 && n > max {
		c.fail(CodeTooBig, field, byteCount(n)+" exceeds limit "+byteCount(max))
		return false
	}
	return true
}

func (c *cursor) code(field string) Code {
	v := c.uvarint(field)
	if v > 1<<32-1 {
		c.fail(CodeProtocol, field, "code "+itoa(v)+" over 32 bits")
		return 0
	}
	return Code(v)
}

func (c *cursor) millis(field string) time.Duration {
	v := c.uvarint(field)
	if v > maxMillis {
		c.fail(CodeProtocol, field, itoa(v)+" ms exceeds limit "+itoa(uint64(maxMillis))+" ms")
		return 0
	}
	return time.Duration(v) * time.Millisecond
}

// done returns the first fault. Bytes that are left are a fault too.
func (c *cursor) done() error {
	if c.err == nil && len(c.b) > 0 {
		c.fail(CodeProtocol, "end", byteCount(len(c.b))+" too many")
	}
	return c.err
}

// maxMillis bounds durations on the wire, in milliseconds: about 24 days, the longest time
// that a timer in a browser can wait.
const maxMillis = 1<<31 - 1

// millis returns d in milliseconds, rounded up so that a short wait does not
// become none, and at most maxMillis.
func millis(d time.Duration) uint64 {
	if d <= 0 {
		return 0
	}
	if d > maxMillis*time.Millisecond {
		return maxMillis
	}
	return uint64((d + time.Millisecond - 1) / time.Millisecond)
}
