// Package load is the client side of the benchmark: connections that speak the protocol of
// each contestant, keep a number of messages in flight and check every message that comes.
//
// It is the same for all contestants except for the codec, which turns messages into bytes
// and back. A codec is written by hand, puts all messages that are due into one write, and allocates nothing
// once it runs.
package load

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// A message is text, so that protocols that carry text need no other encoding:
//
//	offset  bytes      meaning
//	0       4          number of its connection or group, in hexadecimal
//	4       8          its number there, from 0, in hexadecimal
//	12      size - 12  letters, different ones for each of 64 messages in a row
const (
	headerSize = 12
	// MaxSize is the size of the largest message, in bytes.
	MaxSize = 64 << 10
)

const (
	patternStep  = 4
	patternSteps = 64
)

var (
	hexPairs [256]uint16 // the two digits of each byte, in the order in memory
	pattern  [MaxSize + patternStep*patternSteps]byte
)

func init() {
	const digits = "0123456789abcdef"
	for i := range hexPairs {
		hexPairs[i] = binary.LittleEndian.Uint16([]byte{digits[i>>4], digits[i&15]})
	}
	x := uint32(1)
	for i := range pattern {
		x = x*1664525 + 1013904223
		pattern[i] = 'a' + byte(x>>24)%26
	}
}

// A message has the fields from which the bytes of a message follow.
type message struct {
	id   uint16
	seq  uint32
	size int
}

func (m message) header() (h [headerSize]byte) {
	binary.LittleEndian.PutUint16(h[0:], hexPairs[byte(m.id>>8)])
	binary.LittleEndian.PutUint16(h[2:], hexPairs[byte(m.id)])
	binary.LittleEndian.PutUint16(h[4:], hexPairs[byte(m.seq>>24)])
	binary.LittleEndian.PutUint16(h[6:], hexPairs[byte(m.seq>>16)])
	binary.LittleEndian.PutUint16(h[8:], hexPairs[byte(m.seq>>8)])
	binary.LittleEndian.PutUint16(h[10:], hexPairs[byte(m.seq)])
	return h
}

func (m message) body() []byte {
	start := int(m.seq%patternSteps) * patternStep
	return pattern[start:][:m.size-headerSize]
}

func (m message) append(dst []byte) []byte {
	h := m.header()
	return append(append(dst, h[:]...), m.body()...)
}

// check compares the bytes that have come with the expected message.
func (m message) check(got []byte) error {
	if len(got) == m.size && [headerSize]byte(got) == m.header() && bytes.Equal(got[headerSize:], m.body()) {
		return nil
	}
	return m.fault(got)
}

// fault returns the error for a wrong message. It is separate so that check allocates nothing.
func (m message) fault(got []byte) error {
	if len(got) != m.size {
		return fmt.Errorf("message %d has %d bytes, not %d", m.seq, len(got), m.size)
	}
	if want := m.header(); [headerSize]byte(got) != want {
		return fmt.Errorf("message %q came where %q was to come", got[:headerSize], want[:])
	}
	return fmt.Errorf("message %d has another content", m.seq)
}

var errUnexpected = errors.New("a message came that nobody asked for")
