package relay

import (
	"encoding/binary"
	"math"
)

// A Streams is a message of a line: it has frames of streams.
type Streams struct {
	Theirs bool   // the receiver has opened the line
	Over   bool   // the line is over: there is nothing else in the message
	Line   uint64 // not 0
	Number uint64 // of the message within the line, from 1 on; 0 if the line is over
	Told   []Told
	Frames []byte // of package wire
}

// A Told says how much of what a stream carries has reached the client, in items or bytes.
type Told struct {
	Stream uint64
	Count  uint64
}

const (
	streamsTheirs = 1 << iota
	streamsOver
	streamsFlags = streamsTheirs | streamsOver
)

// MaxTold bounds the list of a Streams. StreamsHead is the greatest size of a message of a line without its list and frames, in bytes.
const (
	MaxTold     = 256
	StreamsHead = HeaderSize + 1 + 3*binary.MaxVarintLen64
)

// Append appends the body.
func (s *Streams) Append(b []byte) []byte {
	b = append(b, flag(s.Theirs, streamsTheirs)|flag(s.Over, streamsOver))
	b = binary.AppendUvarint(b, s.Line)
	b = binary.AppendUvarint(b, s.Number)
	b = binary.AppendUvarint(b, uint64(len(s.Told)))
	for _, t := range s.Told {
		b = binary.AppendUvarint(b, t.Stream)
		b = binary.AppendUvarint(b, t.Count)
	}
	return append(b, s.Frames...)
}

// ParseStreams reads the body of a message of a line. Its Frames alias the body, and are not checked.
func ParseStreams(body []byte) (s Streams, f Fault) {
	c := cursor{b: body}
	flags := c.byte(streamsFlags)
	s.Theirs, s.Over = flags&streamsTheirs != 0, flags&streamsOver != 0
	s.Line = c.number(math.MaxUint64)
	s.Number = c.number(math.MaxUint64)
	if n := c.number(math.MaxUint64); n > MaxTold {
		c.fail(TooLong)
	} else if n > uint64(len(c.b))/2 { // each takes at least that much
		c.fail(Short)
	} else if n > 0 {
		s.Told = make([]Told, n)
		for i := range s.Told {
			s.Told[i] = Told{Stream: c.number(math.MaxUint64), Count: c.number(math.MaxUint64)}
		}
	}
	if c.fault == None && (s.Line == 0 || s.Over != (s.Number == 0)) {
		c.fail(BadNumber)
	}
	if s.Frames = c.rest(); s.Over && len(s.Told)+len(s.Frames) > 0 {
		c.fail(Long)
	}
	if f = c.end(); f != None {
		return Streams{}, f
	}
	return s, None
}

// A StreamTo is in front of the argument of a stream that is opened over a line.
type StreamTo struct {
	Conn  uint64
	Bytes bool // the stream carries bytes, not items
}

const streamBytes = 1

// Append appends it. The argument follows.
func (t *StreamTo) Append(b []byte) []byte {
	b = append(b, flag(t.Bytes, streamBytes))
	return binary.AppendUvarint(b, t.Conn)
}

// ParseStreamTo takes a StreamTo off the front of an argument, which it returns.
func ParseStreamTo(b []byte) (t StreamTo, arg []byte, f Fault) {
	c := cursor{b: b}
	t.Bytes = c.byte(streamBytes) != 0
	t.Conn = c.number(math.MaxUint64)
	arg = c.rest()
	return t, arg, c.end()
}

// A StreamEnd is in front of the details of the error with which the node of a client ends a stream.
type StreamEnd struct {
	Remote bool   // the error is the client's
	Count  uint64 // what has reached the client, in items or bytes
}

// Append appends it. The details follow.
func (e *StreamEnd) Append(b []byte) []byte {
	b = append(b, flag(e.Remote, answerRemote))
	return binary.AppendUvarint(b, e.Count)
}

// ParseStreamEnd takes a StreamEnd off the front of details, which it returns.
func ParseStreamEnd(b []byte) (e StreamEnd, details []byte, f Fault) {
	c := cursor{b: b}
	e.Remote = c.byte(answerRemote) != 0
	e.Count = c.number(math.MaxUint64)
	details = c.rest()
	return e, details, c.end()
}
