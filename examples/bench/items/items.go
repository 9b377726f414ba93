// Package items has the content of the works with streams, for servers and clients: items that can be told apart and
// checked, and bytes with a known sum.
package items

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
)

// ringSize is the number of different items. A lost item, a second copy or a wrong order is noticed unless the items
// are off by a multiple of ringSize.
const ringSize = 251

// A Ring has items of one size. The n-th item of a stream is the n-th of the ring, over and over. Nobody changes them.
type Ring [][]byte

// NewRing returns items of a size of at least 4 bytes.
func NewRing(size int) Ring {
	r := make(Ring, ringSize)
	for i := range r {
		b := make([]byte, size)
		binary.LittleEndian.PutUint32(b, uint32(i))
		fill(b[4:], uint32(i))
		r[i] = b
	}
	return r
}

// fill fills b with bytes that depend on seed.
func fill(b []byte, seed uint32) {
	x := seed*2654435761 + 1
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
}

// At returns the n-th item.
func (r Ring) At(n uint64) []byte { return r[n%ringSize] }

// Check compares a received item with the n-th item.
func (r Ring) Check(n uint64, got []byte) error {
	want := r.At(n)
	switch {
	case bytes.Equal(got, want):
		return nil
	case len(got) != len(want):
		return fmt.Errorf("item %d has %d bytes, not %d", n, len(got), len(want))
	}
	return fmt.Errorf("another item came in place of item %d", n)
}

// Block is the number of bytes after which the bytes of a Reader repeat.
const Block = 64 << 10

var block = func() []byte {
	b := make([]byte, Block)
	fill(b, 7)
	return b
}()

// NewReader returns a reader of n bytes.
func NewReader(n int64) io.Reader { return &reader{left: n} }

type reader struct {
	left int64
	at   int // in the block
}

func (r *reader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n := copy(p[:min(int64(len(p)), r.left)], block[r.at:])
	r.left -= int64(n)
	r.at = (r.at + n) % Block
	return n, nil
}

// A Sum is a writer that counts and sums the bytes written to it.
type Sum struct {
	n   int64
	crc uint32
}

var table = crc32.MakeTable(crc32.Castagnoli)

func (s *Sum) Write(p []byte) (int, error) {
	s.n += int64(len(p))
	s.crc = crc32.Update(s.crc, table, p)
	return len(p), nil
}

// Matches fails unless all n bytes of a Reader have been written.
func (s *Sum) Matches(n int64) error {
	var want Sum
	if _, err := io.CopyBuffer(&want, NewReader(n), make([]byte, Block)); err != nil {
		return err
	}
	if *s != want {
		return fmt.Errorf("%d bytes with the sum %08x came, not %d with %08x", s.n, s.crc, want.n, want.crc)
	}
	return nil
}
