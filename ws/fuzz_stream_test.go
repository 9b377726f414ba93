//go:build !js

package ws

import (
	"bytes"
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// A randomStream is the stream of a peer: messages in fragments, with control frames between them.
type randomStream struct {
	wire  []byte
	data  []byte
	pings []frame // the pongs that are expected
}

func newRandomStream(random *rand.Rand, fromClient bool) (s randomStream) {
	put := func(f frame) {
		var key *[4]byte
		if fromClient {
			key = &[4]byte{byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32())}
		}
		s.wire = appendFrameWith(s.wire, f, key)
	}
	for range random.IntN(20) {
		opcode := byte(opBinary)
		for last := false; !last; opcode = opContinuation {
			for random.IntN(3) == 0 {
				f := frame{opPing, true, randomText(random, maxControl)}
				if random.IntN(3) == 0 {
					f.op = opPong
				} else {
					s.pings = append(s.pings, frame{opPong, true, f.payload})
				}
				put(f)
			}
			last = random.IntN(3) == 0
			payload := randomText(random, []int{0, 10, 200, 200, 200, 200, 200, 5000, 5000, 70_000}[random.IntN(10)])
			put(frame{opcode, last, payload})
			s.data = append(s.data, payload...)
		}
	}
	put(frame{opClose, true, closePayload(1000, "bye")})
	return s
}

// noise has the bytes from which random texts are cut.
var noise = func() string {
	random := rand.New(rand.NewPCG(5, 6))
	p := make([]byte, 200_000)
	for i := range p {
		p[i] = byte(random.Uint32())
	}
	return string(p)
}()

// randomText returns up to most bytes, and often exactly most.
func randomText(random *rand.Rand, most int) string {
	if random.IntN(2) == 0 {
		most = random.IntN(most + 1)
	}
	start := random.IntN(len(noise) - most)
	return noise[start : start+most]
}

// A choppyReader reads few bytes at a time, as a network may.
type choppyReader struct {
	io.Reader
	sizes func() int
}

func (r choppyReader) Read(p []byte) (int, error) {
	return r.Reader.Read(p[:min(len(p), r.sizes())])
}

// A sizedPool lends buffers of one size.
type sizedPool int

func (p sizedPool) Get() []byte { return make([]byte, p) }
func (sizedPool) Put([]byte)    {}

// readRandomly reads to the end, with Read and ReadReady in turn and with buffers of all sizes.
func readRandomly(c *conn, random *rand.Rand, most int) (got []byte, err error) {
	sizes := randomSizes(random, most)
	for err == nil {
		var buf []byte
		var n int
		if random.IntN(2) == 0 {
			buf = make([]byte, sizes())
			n, err = c.Read(buf)
		} else {
			buf, n, err = c.ReadReady(sizedPool(sizes()))
		}
		got = append(got, buf[:n]...)
	}
	return got, err
}

// The payload of valid frames arrives unchanged, whatever the frames and however they come
// and are read, and each ping is answered.
func FuzzStream(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed, seed%2 == 0, uint16(1)<<(seed%16))
	}
	f.Fuzz(func(t *testing.T, seed uint64, server bool, most uint16) {
		random := rand.New(rand.NewPCG(seed, 0))
		s := newRandomStream(random, server)
		unread := s.wire[:random.IntN(len(s.wire)+1)/4]
		stream := &recording{in: choppyReader{bytes.NewReader(s.wire[len(unread):]), randomSizes(random, int(most)+1)}}
		c := newConn(stream, slices.Clone(unread), transport.Info{}, !server)
		got, err := readRandomly(c, random, int(most)+1)
		if err != io.EOF || !bytes.Equal(s.data, got) {
			t.Fatalf("read %d bytes of %d, %v", len(got), len(s.data), err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		answers := slowDecode(stream.out.Bytes(), !server)
		if answers.err != nil || len(answers.data) > 0 {
			t.Fatal(answers.err, len(answers.data))
		}
		want := append(s.pings, frame{opClose, true, closePayload(1000, "bye")})
		if !slices.Equal(want, answers.controls) {
			t.Fatalf("answers %v, not %v", answers.controls, want)
		}
	})
}

// A message is one frame, whatever buffers it consists of. A client masks it and a server does not.
func TestRandomMessages(t *testing.T) {
	for name, server := range map[string]bool{"client": false, "server": true} {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(3, 4))
			stream := &recording{in: bytes.NewReader(nil)}
			c := newConn(stream, nil, transport.Info{}, !server)
			keys := map[uint32]bool{}
			for range 60 {
				var bufs [][]byte
				var want []byte
				for range random.IntN(20) {
					p := []byte(randomText(random, []int{0, 10, partSize, copySize, 90_000}[random.IntN(5)]))
					bufs = append(bufs, p)
					want = append(want, p...)
				}
				kept := bytes.Clone(want)
				stream.out.Reset()
				c.plain = random.IntN(2) == 0
				n, err := c.WriteBuffers(slices.Clone(bufs))
				require.NoError(t, err)
				require.EqualValues(t, len(want), n)
				require.True(t, bytes.Equal(kept, bytes.Join(bufs, nil)), "the bytes that were given are changed")
				if len(want) == 0 {
					require.Zero(t, stream.out.Len())
					continue
				}
				h, size, wrong := parseHeader(stream.out.Bytes(), !server, false)
				require.Nil(t, wrong)
				require.Equal(t, header{opcode: opBinary, fin: true, masked: !server, key: h.key, length: int64(len(want))}, h)
				require.Equal(t, len(want), stream.out.Len()-size)
				require.True(t, bytes.Equal(want, slowDecode(stream.out.Bytes(), !server).data))
				keys[h.key] = true
			}
			if !server {
				require.Greater(t, len(keys), 45, "keys come again and again")
			}
			require.NoError(t, c.Close())
		})
	}
}
