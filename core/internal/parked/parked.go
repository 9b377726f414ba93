// Package parked is the form in which the session of a client outlives the client's program: in
// the storage of a page that is reloaded, or in a file.
//
// It is pure: bytes in, struct out. What is parsed may come from anywhere, so a parked session
// carries a checksum, every length is compared with what is left before it is used, and nothing
// that is parsed takes more memory than its bytes do.
//
//	bytes   meaning
//	3       "hsk"
//	1       version of the form: 2
//	8 + n   each part, behind its length: the numbers Received, Missed, Dropped, LastCall and Acked,
//	        8 bytes each; ID; Token; Name; In; Out; Book; and each of Groups
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

	Book []byte // how far the client has had its groups, as package history has put it together
}

const (
	head    = "hsk\x02"
	numbers = 5
	fixed   = 7 // parts before the groups
	sumSize = 8

	// maxID bounds the id and the token, in bytes, so that a hello with them stays small.
	maxID = 256
	// maxFrame bounds one frame, in bytes.
	maxFrame = 1 << 30
)

// Append appends the parked form of s.
func Append(dst []byte, s *Session) []byte {
	start := len(dst)
	dst = append(dst, head...)
	dst = appendNumber(dst, 8*numbers)
	for _, v := range [numbers]uint64{s.Received, s.Missed, s.Dropped, s.LastCall, s.Acked} {
		dst = appendNumber(dst, v)
	}
	for _, part := range [fixed - 1][]byte{s.ID, s.Token, []byte(s.Name), s.In, s.Out, s.Book} {
		dst = append(appendNumber(dst, uint64(len(part))), part...)
	}
	for _, g := range s.Groups {
		dst = append(appendNumber(dst, uint64(len(g))), g...)
	}
	return appendNumber(dst, checksum(dst[start:]))
}

// Size is the length of the parked form of s.
func Size(s *Session) int {
	n := len(head) + 8*(numbers+fixed) + len(s.ID) + len(s.Token) + len(s.Name) + len(s.In) + len(s.Out) + len(s.Book) + sumSize
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

// number is the number at the front of b.
func number(b []byte) (v uint64) {
	for i := range 8 {
		v |= uint64(b[i]) << (8 * i)
	}
	return v
}

// Parse reads the parked form. It reports false if b is not that, in whatever way. What it returns
// aliases b.
func Parse(b []byte) (*Session, bool) {
	end := len(b) - sumSize
	if end < len(head) || string(b[:len(head)]) != head || number(b[end:]) != checksum(b[:end]) {
		return nil, false
	}
	var parts [][]byte
	for b = b[len(head):end]; len(b) > 0; {
		if len(b) < 8 || number(b) > uint64(len(b)-8) {
			return nil, false
		}
		n := 8 + int(number(b))
		parts = append(parts, b[8:n:n])
		b = b[n:]
	}
	if len(parts) < fixed || len(parts[0]) != 8*numbers {
		return nil, false
	}
	n := parts[0]
	s := &Session{
		Received: number(n), Missed: number(n[8:]), Dropped: number(n[16:]), LastCall: number(n[24:]), Acked: number(n[32:]),
		ID: parts[1], Token: parts[2], Name: string(parts[3]), In: parts[4], Out: parts[5], Book: parts[6],
	}
	for _, g := range parts[fixed:] {
		s.Groups = append(s.Groups, string(g))
	}
	if len(s.Token) == 0 || len(s.ID) > maxID || len(s.Token) > maxID || !whole(s.In, true) || !whole(s.Out, false) {
		return nil, false
	}
	return s, true
}

// whole reports whether b is whole frames that both ends count, and that may wait for a handler if
// in is set.
func whole(b []byte, in bool) bool {
	for len(b) > 0 {
		var f wire.Frame
		if f, _, b = Next(b); !f.Kind.Counted() || in && (f.Kind == wire.KindReply || f.Kind == wire.KindFailure || f.Kind == wire.KindCancel) {
			return false
		}
	}
	return true
}

// Next splits the first frame off frames, and returns it with its bytes and with those behind it.
// The frame is of no kind if there is none, or not all of it.
func Next(frames []byte) (f wire.Frame, b, rest []byte) {
	f, size, ok, err := wire.Next(frames, maxFrame)
	if !ok || err != nil {
		return wire.Frame{}, nil, nil
	}
	return f, frames[:size], frames[size:]
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
