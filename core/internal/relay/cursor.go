package relay

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// A cursor takes values off the front of a body. After the first fault it gives zero values.
type cursor struct {
	b     []byte
	fault Fault
}

func (c *cursor) fail(f Fault) {
	if c.fault == None {
		c.fault = f
	}
	c.b = nil
}

func (c *cursor) take() byte {
	if len(c.b) == 0 {
		c.fail(Short)
		return 0
	}
	v := c.b[0]
	c.b = c.b[1:]
	return v
}

// byte takes flags, of which mask are known.
func (c *cursor) byte(mask byte) byte {
	v := c.take()
	if v&^mask != 0 {
		c.fail(Unknown)
		return 0
	}
	return v
}

// below takes a byte that is less than end.
func (c *cursor) below(end byte) byte {
	v := c.take()
	if v >= end {
		c.fail(Unknown)
		return 0
	}
	return v
}

// number takes a number of at most most.
func (c *cursor) number(most uint64) uint64 {
	v, n := binary.Uvarint(c.b)
	switch {
	case n == 0:
		c.fail(Short)
		return 0
	case n < 0, v > most, n > 1 && c.b[n-1] == 0: // the last one is longer than it needs to be
		c.fail(BadNumber)
		return 0
	}
	c.b = c.b[n:]
	return v
}

func (c *cursor) fixed() uint64 {
	if len(c.b) < 8 {
		c.fail(Short)
		return 0
	}
	v := binary.BigEndian.Uint64(c.b)
	c.b = c.b[8:]
	return v
}

// text takes a text of at most most bytes, and copies it.
func (c *cursor) text(most int) string {
	n := c.number(math.MaxUint64)
	switch {
	case c.fault != None:
		return ""
	case n > uint64(most):
		c.fail(TooLong)
		return ""
	case n > uint64(len(c.b)):
		c.fail(Short)
		return ""
	}
	v := c.b[:n]
	if !utf8.Valid(v) {
		c.fail(BadText)
		return ""
	}
	c.b = c.b[n:]
	return string(v)
}

func (c *cursor) rest() []byte {
	v := c.b
	c.b = nil
	return v
}

// end returns the first fault. Bytes that are left are one too.
func (c *cursor) end() Fault {
	if c.fault == None && len(c.b) > 0 {
		c.fail(Long)
	}
	return c.fault
}

func flag(set bool, bit byte) byte {
	if set {
		return bit
	}
	return 0
}

func appendText(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}
