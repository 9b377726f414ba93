//go:build !js

package ws

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// An understood has the content of a stream of frames.
type understood struct {
	data     []byte  // payload of binary messages
	controls []frame // control frames, up to a close frame, which ends the stream
	err      error
}

// slowDecode decodes a whole stream by RFC 6455, sections 5.1 to 5.5, word for
// word.
func slowDecode(b []byte, fromClient bool) (u understood) {
	fragmented := false
	for {
		if len(b) < 2 {
			return u
		}
		fin, rsv, opcode := b[0]>>7 == 1, b[0]>>4&7, b[0]&15
		hasMask, length := b[1]>>7 == 1, uint64(b[1]&127)
		b = b[2:]
		control := opcode >= 8
		switch {
		case rsv != 0:
			u.err = errReserved // no extension defines it
		case opcode >= 3 && opcode <= 7 || opcode >= 11:
			u.err = errOpcode
		case fromClient && !hasMask:
			u.err = errUnmasked
		case !fromClient && hasMask:
			u.err = errMasked
		case control && !fin:
			u.err = errControlFragment
		case control && length > 125:
			u.err = errControlLength
		}
		if u.err != nil {
			return u
		}
		extended := map[uint64]int{126: 2, 127: 8}[length]
		if len(b) < extended {
			return u
		}
		if extended > 0 {
			length = 0
			for _, digit := range b[:extended] {
				length = length<<8 | uint64(digit)
			}
			b = b[extended:]
			if length>>63 != 0 {
				u.err = errLength
			} else if extended == 2 && length <= 125 || extended == 8 && length <= 65535 {
				u.err = errNotMinimal
			}
			if u.err != nil {
				return u
			}
		}
		var key [4]byte
		if hasMask {
			if len(b) < 4 {
				return u
			}
			key, b = [4]byte(b), b[4:]
		}
		switch {
		case control:
		case fragmented && opcode != 0:
			u.err = errInside
		case !fragmented && opcode == 0:
			u.err = errContinuation
		case opcode == 1:
			u.err = ErrText
		}
		if u.err != nil {
			return u
		}
		whole := uint64(len(b)) >= length
		payload := b[:min(length, uint64(len(b)))]
		b = b[len(payload):]
		payload = slowMask(payload, key, 0)
		switch {
		case control && whole:
			u.controls = append(u.controls, frame{opcode, true, string(payload)})
			if opcode == 8 {
				return u
			}
		case !control:
			fragmented = !fin
			u.data = append(u.data, payload...)
		}
	}
}

// decodeInPieces does the same with a decoder, from buffers of the sizes that pieces returns.
func decodeInPieces(b []byte, fromClient bool, pieces func() int) (u understood) {
	d := decoder{masked: fromClient}
	for len(b) > 0 {
		p := bytes.Clone(b[:min(pieces(), len(b))])
		b = b[len(p):]
		to, from := 0, 0
		for from < len(p) && u.err == nil {
			var control byte
			was := from
			to, from, control, u.err = d.next(p, to, from)
			if to > from || from < was || from > len(p) || u.err == nil && control == 0 && from < len(p) {
				panic("the decoder has lost its way")
			}
			if control != 0 {
				u.controls = append(u.controls, frame{control, true, string(d.control[:d.size])})
				if control == opClose {
					u.data = append(u.data, p[:to]...)
					return u
				}
			}
		}
		u.data = append(u.data, p[:to]...)
		if u.err != nil {
			return u
		}
	}
	return u
}

// randomSizes gives sizes from 1 to most, small ones as often as large ones.
func randomSizes(random *rand.Rand, most int) func() int {
	return func() int { return 1 + random.IntN(1+random.IntN(most)) }
}

func TestDecoder(t *testing.T) {
	tests := map[string]string{
		"message":               "\x82\x03abc",
		"fragments":             "\x02\x01a\x00\x00\x00\x01b\x80\x01c",
		"ping inside":           "\x02\x01a\x89\x02hi\x80\x01c",
		"ping without payload":  "\x89\x00\x82\x01a",
		"close":                 "\x82\x01a\x88\x02\x03\xe8\x82\x01b",
		"half a payload":        "\x82\x05abc",
		"half a header":         "\x82\x01a\x82\x7e\x00",
		"half a ping":           "\x82\x01a\x89\x05abc",
		"error behind payload":  "\x82\x01a\x83\x00\x82\x01b",
		"new message inside":    "\x02\x01a\x82\x01b",
		"text inside":           "\x02\x01a\x81\x01b",
		"continuation at first": "\x80\x01a",
		"continuation at last":  "\x82\x01a\x80\x01b",
		"text":                  "\x81\x01a",
		"masked":                "\x82\x81\x01\x02\x03\x04a",
	}
	for name, wire := range tests {
		t.Run(name, func(t *testing.T) {
			want := slowDecode([]byte(wire), false)
			for size := range len(wire) {
				require.Equal(t, want, decodeInPieces([]byte(wire), false, func() int { return size + 1 }), "in pieces of %d", size+1)
			}
		})
	}
}

func FuzzHeader(f *testing.F) {
	f.Add([]byte("\x82\x81\x01\x02\x03\x04"), true)
	f.Add([]byte("\x82\x7e\x01\x00"), false)
	f.Add([]byte("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"), false)
	f.Add([]byte("\x89\xfe\x01\x00\x00\x00\x00\x00"), true)
	f.Fuzz(func(t *testing.T, b []byte, masked bool) {
		h, size, wrong := parseHeader(b, masked, false)
		switch {
		case wrong != nil && size != 0 || size > len(b) || size > maxHeader:
			t.Fatalf("size %d of %d, %v", size, len(b), wrong)
		case size > 0:
			if again := appendHeader(nil, h); !bytes.Equal(again, b[:size]) {
				t.Fatalf("%x parsed and appended is %x", b[:size], again)
			}
		case wrong == nil && len(b) >= maxHeader:
			t.Fatal("a whole header is not enough")
		}
		want := slowDecode(b[:min(len(b), max(size, maxHeader))], masked).err
		if order := want == error(errInside) || want == error(errContinuation) || want == ErrText; size > 0 || order {
			return // parseHeader does not check this
		}
		if wrong == nil != (want == nil) || wrong != nil && want != error(wrong) {
			t.Fatalf("%x: %v, not %v", b, wrong, want)
		}
	})
}

// For all bytes, in all pieces, the decoder gives the same result as slowDecode.
func FuzzDecoder(f *testing.F) {
	for _, wire := range []string{
		"\x82\x03abc", "\x02\x01a\x89\x02hi\x80\x01c", "\x82\x83\x01\x02\x03\x04abc\x88\x82\x00\x00\x00\x00\x03\xe8",
		"\x82\x7e\x00\x80" + string(make([]byte, 128)), "\x82\xfe\x00\x80\x09\x08\x07\x06" + string(make([]byte, 128)),
	} {
		f.Add([]byte(wire), true, uint64(1))
		f.Add([]byte(wire), false, uint64(2))
	}
	f.Fuzz(func(t *testing.T, wire []byte, fromClient bool, seed uint64) {
		random := rand.New(rand.NewPCG(seed, 0))
		want := slowDecode(wire, fromClient)
		got := decodeInPieces(wire, fromClient, randomSizes(random, len(wire)+1))
		switch {
		case !bytes.Equal(want.data, got.data):
			t.Fatalf("data %x, not %x", got.data, want.data)
		case want.err != got.err:
			t.Fatalf("error %v, not %v", got.err, want.err)
		case len(want.controls) != len(got.controls):
			t.Fatalf("control frames %v, not %v", got.controls, want.controls)
		}
		for i := range want.controls {
			if want.controls[i] != got.controls[i] {
				t.Fatalf("control frame %v, not %v", got.controls[i], want.controls[i])
			}
		}
	})
}
