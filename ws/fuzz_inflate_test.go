//go:build !js

package ws

import (
	"bytes"
	"compress/flate"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

// slowInflate inflates a whole message, without this package.
func slowInflate(payload []byte) ([]byte, error) {
	all := append(bytes.Clone(payload), inflateTail...)
	r := bytes.NewReader(all)
	var out []byte
	for {
		f := flate.NewReader(r)
		b, err := io.ReadAll(f)
		out = append(out, b...)
		switch {
		case err != nil:
			return out, err
		case r.Len() == 0 || r.Len() == len(inflateTail):
			return out, nil
		case r.Len() < len(inflateTail):
			return out, io.ErrUnexpectedEOF
		}
	}
}

// Any bytes in a compressed message, in any fragments, are inflated as the standard library does it, or refused.
func FuzzInflate(f *testing.F) {
	for _, payload := range []string{
		"", "\x00", "\xf2\x48\xcd\xc9\xc9\x07\x00", "\xf3\x48\xcd\xc9\xc9\x07\x00\x00", "\x00\x05\x00\xfa\xffHello\x00", "\xf2\x00\x11\x00\x00", "\x0b\x00",
		deflated(noise[:100]+noise[:100]+"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 9), "\x01\x00\x00\xff\xff\x01\x00\x00\xff\xff",
	} {
		f.Add([]byte(payload), uint64(1), uint16(3))
		f.Add([]byte(payload), uint64(2), uint16(500))
	}
	f.Fuzz(func(t *testing.T, payload []byte, seed uint64, most uint16) {
		if len(payload) > 5000 {
			return
		}
		random := rand.New(rand.NewPCG(seed, 0))
		want, wrong := slowInflate(payload)
		if len(payload) == 0 {
			want, wrong = nil, nil
		}
		if len(want) > 1<<20 {
			return
		}
		wire := appendFragments(nil, string(payload), randomSizes(random, int(most)+1))
		wire = appendFrame(wire, frame{opClose, true, closePayload(1000, "")})
		stream := &recording{in: choppyReader{bytes.NewReader(wire), randomSizes(random, int(most)+1)}}
		c := compressedConn(stream, nil, false, -1)
		got, err := readRandomly(c, random, int(most)+1)
		if !bytes.Equal(want, got) {
			t.Fatalf("%x: inflated to %x, not %x", payload, got, want)
		}
		if wrong == nil && err != io.EOF || wrong != nil && err != error(errInflate) {
			t.Fatalf("%x: %v, not %v", payload, err, wrong)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzStream with messages of which some are compressed, by all levels.
func FuzzCompressedStream(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed, seed%2 == 0, uint16(1)<<(seed%16))
	}
	f.Fuzz(func(t *testing.T, seed uint64, server bool, most uint16) {
		random := rand.New(rand.NewPCG(seed, 0))
		var wire []byte
		var want string
		for range random.IntN(12) {
			text := randomText(random, []int{0, 10, 300, 5000, 40_000}[random.IntN(5)])
			if random.IntN(2) == 0 {
				text = strings.Repeat(text, 1+random.IntN(4))
			}
			want += text
			var key *[4]byte
			if server {
				key = &[4]byte{byte(random.Uint32()), 2, 3, 4}
			}
			if random.IntN(3) == 0 {
				wire = appendFrameWith(wire, frame{opBinary, true, text}, key)
				continue
			}
			payload, op := deflated(text, random.IntN(12)-2), byte(opBinary)
			for last := false; !last; op = opContinuation {
				n := random.IntN(len(payload) + 1)
				last = n == len(payload)
				start := len(wire)
				wire = appendFrameWith(wire, frame{op, last, payload[:n]}, key)
				if op == opBinary {
					wire[start] |= compressedBit
				}
				payload = payload[n:]
			}
		}
		var key *[4]byte
		if server {
			key = &[4]byte{}
		}
		wire = appendFrameWith(wire, frame{opClose, true, closePayload(1000, "")}, key)
		unread := bytes.Clone(wire[:random.IntN(len(wire)+1)/4])
		stream := &recording{in: choppyReader{bytes.NewReader(wire[len(unread):]), randomSizes(random, int(most)+1)}}
		c := compressedConn(stream, unread, !server, -1)
		got, err := readRandomly(c, random, int(most)+1)
		if err != io.EOF || want != string(got) {
			t.Fatalf("read %d bytes of %d, %v", len(got), len(want), err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	})
}
