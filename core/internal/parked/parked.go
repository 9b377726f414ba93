// Package parked is the form in which the session of a client outlives the client's program: in
// the storage of a page that is reloaded, or in a file.
//
// It is pure: bytes in, struct out. The bytes that are parsed may come from anywhere. So a parked session
// has a checksum, every length is compared with the bytes that are left before it is used, and the
// result takes no more memory than the bytes.
//
//	bytes   meaning
//	3       "hsk"
//	1       version of the form: 2
//	8 + n   each part after its length: the numbers Received, Missed, Dropped, LastCall and Acked,
//	        8 bytes each; ID; Token; Name; In; Out; Book; and each of Groups
//	8       checksum of all bytes before: FNV-1a, 64 bits
//
// Numbers are little-endian. The form is no contract with other libraries. Another version of this library
// may not read it, and then the client joins anew.
package parked

import "github.com/hisock/hisock/core/wire"

// A Session is what a client needs to go on with the session of a client that is gone.
type Session struct {
	ID, Token []byte   // the session's id, and the secret that proves it
	Name      string   // the client's name
	Groups    []string // the groups that the client is in, sorted

	Received uint64 // frames from the server that were counted, also the frames in In
	Missed   uint64 // frames to the client that the server has dropped
	Dropped  uint64 // frames to the server that the client has dropped
	LastCall uint64 // the last id of a call to the server
	Acked    uint64 // frames to the server before the first frame of Out

	In  []byte // frames from the server that were counted and not handled, in order
	Out []byte // frames to the server that were not acknowledged, in order

	Book []byte // the client's positions in groups, as history.Book.Append writes them
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

// Size returns the length of the parked form of s, in bytes.
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

// number returns the number at the front of b.
func number(b []byte) (v uint64) {
	for i := range 8 {
		v |= uint64(b[i]) << (8 * i)
	}
	return v
}

// Parse reads the parked form. It reports false if b is malformed in any way. The result
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

// whole reports whether b consists of whole frames that both ends count and, if in is set, that may wait for a handler.
func whole(b []byte, in bool) bool {
	for len(b) > 0 {
		var f wire.Frame
		if f, _, b = Next(b); !f.Kind.Counted() || in && (f.Kind == wire.KindReply || f.Kind == wire.KindFailure || f.Kind == wire.KindCancel) {
			return false
		}
	}
	return true
}

// Next splits the first frame off frames, and returns the frame, its bytes, and the bytes after it.
// The frame has kind 0 if there is none, or if it is not complete.
func Next(frames []byte) (f wire.Frame, b, rest []byte) {
	f, size, ok, err := wire.Next(frames, maxFrame)
	if !ok || err != nil {
		return wire.Frame{}, nil, nil
	}
	return f, frames[:size], frames[size:]
}

// checksum detects damage. It does not protect against somebody who makes a
// session up: such a session can tell the server nothing that its client could not.
func checksum(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, x := range b {
		h = (h ^ uint64(x)) * 1099511628211
	}
	return h
}
