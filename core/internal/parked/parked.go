// Package parked is the form in which the session of a client outlives the client's program: in
// the storage of a page that is reloaded, or in a file.
//
// It is pure: bytes in, struct out. What is parsed may come from anywhere, so a parked session
// carries a checksum, every length is compared with what is left before it is used, and nothing
// that is parsed takes more memory than its bytes do.
//
//	bytes   meaning
//	3       "hsk"
//	1       version of the form: 1
//	8       Received
//	8       Missed
//	8       Dropped
//	8       LastCall
//	8       Acked
//	8 + n   ID, behind its length
//	8 + n   Token
//	8 + n   Name
//	8       number of groups, each of 8 + n bytes
//	8 + n   In, frames
//	8 + n   Out, frames
//	8       checksum of all before: FNV-1a, 64 bits
//
// Numbers are little-endian. The form is no contract with other libraries: whoever reads it may be
// another version of this one, and then the client joins anew.
package parked

import "github.com/hisock/hisock/core/wire"

// A Session is what a client needs to go on with a session of a client that is gone.
type Session struct {
	ID, Token []byte   // name and prove the session
	Name      string   // what the client is called
	Groups    []string // that the client is in, sorted

	Received uint64 // frames from the server that were counted, those of In included
	Missed   uint64 // frames to the client that the server has dropped
	Dropped  uint64 // frames to the server that the client has dropped
	LastCall uint64 // the last id of a call to the server
	Acked    uint64 // frames to the server that are not in Out, since the server has them

	In  []byte // frames from the server that were counted and not handled, in order
	Out []byte // frames to the server that were not acknowledged, in order
}

const (
	head    = "hsk\x01"
	numbers = 5
	sumSize = 8

	// maxID bounds the id and the token, in bytes, so that a hello with them stays small.
	maxID = 256
	// maxCount bounds the counts, so that no sum of them overflows.
	maxCount = 1 << 62
	// maxFrame bounds one frame, in bytes.
	maxFrame = 1 << 30
)

// Append appends the parked form of s.
func Append(dst []byte, s *Session) []byte {
	start := len(dst)
	dst = append(dst, head...)
	for _, v := range [numbers]uint64{s.Received, s.Missed, s.Dropped, s.LastCall, s.Acked} {
		dst = appendNumber(dst, v)
	}
	dst = appendBytes(dst, s.ID)
	dst = appendBytes(dst, s.Token)
	dst = appendBytes(dst, s.Name)
	dst = appendNumber(dst, uint64(len(s.Groups)))
	for _, g := range s.Groups {
		dst = appendBytes(dst, g)
	}
	dst = appendBytes(dst, s.In)
	dst = appendBytes(dst, s.Out)
	return appendNumber(dst, checksum(dst[start:]))
}

// Size is the length of the parked form of s.
func Size(s *Session) int {
	n := len(head) + 8*(numbers+6) + len(s.ID) + len(s.Token) + len(s.Name) + len(s.In) + len(s.Out) + sumSize
	for _, g := range s.Groups {
		n += 8 + len(g)
	}
	return n
}

func appendNumber(dst []byte, v uint64) []byte {
	for range 8 {
		dst = append(dst, byte(v))
		v >>= 8
	}
	return dst
}

func appendBytes[S string | []byte](dst []byte, s S) []byte {
	return append(appendNumber(dst, uint64(len(s))), s...)
}

// Parse reads the parked form. It reports false if b is not that, in whatever way. What it returns
// aliases b.
func Parse(b []byte) (*Session, bool) {
	if len(b) < len(head)+sumSize || string(b[:len(head)]) != head {
		return nil, false
	}
	end := len(b) - sumSize
	sum := cursor{b: b[end:]}
	if sum.number(0) != checksum(b[:end]) {
		return nil, false
	}
	c := cursor{b: b[len(head):end]}
	s := &Session{
		Received: c.number(maxCount), Missed: c.number(maxCount), Dropped: c.number(maxCount),
		LastCall: c.number(maxCount), Acked: c.number(maxCount),
		ID: c.bytes(maxID), Token: c.bytes(maxID), Name: string(c.bytes(0)),
	}
	for n := c.number(maxCount); n > 0 && !c.bad; n-- {
		s.Groups = append(s.Groups, c.name())
	}
	var in uint64
	s.In, in = c.frames(waits)
	s.Out, _ = c.frames(wire.Kind.Counted)
	if c.bad || len(c.b) > 0 || len(s.Token) == 0 || in > s.Received || s.Name != "" && wire.ValidName(s.Name, -1) != nil {
		return nil, false
	}
	return s, true
}

// waits reports whether a frame of that kind may wait for a handler.
func waits(k wire.Kind) bool {
	return k == wire.KindCommand || k == wire.KindRaw || k == wire.KindRequest || k.Counted() && k >= wire.KindJoinGroup
}

// Frames calls f with each of the frames and its bytes.
func Frames(frames []byte, f func(frame wire.Frame, b []byte)) {
	for {
		frame, size, ok, err := wire.Next(frames, maxFrame)
		if !ok || err != nil {
			return
		}
		f(frame, frames[:size])
		frames = frames[size:]
	}
}

// A cursor takes values off the front of b. After the first fault it gives zero values.
type cursor struct {
	b   []byte
	bad bool
}

// number takes a number of at most max; 0 means any.
func (c *cursor) number(max uint64) (v uint64) {
	if len(c.b) < 8 {
		c.bad, c.b = true, nil
		return 0
	}
	for i := range 8 {
		v |= uint64(c.b[i]) << (8 * i)
	}
	c.b = c.b[8:]
	if max > 0 && v > max {
		c.bad, c.b = true, nil
		return 0
	}
	return v
}

// bytes takes a length and as many bytes, at most max of them; 0 means any.
func (c *cursor) bytes(max uint64) []byte {
	n := c.number(max)
	if n > uint64(len(c.b)) {
		c.bad, c.b = true, nil
		return nil
	}
	v := c.b[:n:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) name() string {
	s := string(c.bytes(0))
	if wire.ValidName(s, -1) != nil {
		c.bad, c.b = true, nil
	}
	return s
}

// frames takes bytes that are whole frames, each of a kind that is allowed, and counts them.
func (c *cursor) frames(allowed func(wire.Kind) bool) (b []byte, n uint64) {
	b = c.bytes(0)
	size := 0
	Frames(b, func(f wire.Frame, b []byte) {
		size += len(b)
		n++
		c.bad = c.bad || !allowed(f.Kind)
	})
	c.bad = c.bad || size != len(b)
	return b, n
}

// checksum tells damage from what was parked. It is no protection against somebody who makes a
// session up, which only ever talks to the server as its client may.
func checksum(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, x := range b {
		h = (h ^ uint64(x)) * 1099511628211
	}
	return h
}
