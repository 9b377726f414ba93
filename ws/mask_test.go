//go:build !js

package ws

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// slowMask masks as RFC 6455, section 5.3, defines it, from a place inside the payload on.
func slowMask(p []byte, key [4]byte, at int) []byte {
	masked := bytes.Clone(p)
	for i := range masked {
		masked[i] ^= key[(at+i)%4]
	}
	return masked
}

// Payloads of every length, in two pieces, moved by every length of a header.
func TestMask(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for size := range 400 {
		for shift := range 2 * maxHeader {
			key := [4]byte{byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32())}
			p := make([]byte, shift+size)
			for i := range p {
				p[i] = byte(random.Uint32())
			}
			split := random.IntN(size + 1)
			want := slowMask(p[shift:], key, 0)
			next := mask(p, p[shift:shift+split], uint32(key[0])|uint32(key[1])<<8|uint32(key[2])<<16|uint32(key[3])<<24)
			mask(p[split:], p[shift+split:], next)
			require.Equal(t, want, p[:size], "%d bytes, moved by %d, split at %d", size, shift, split)
		}
	}
}

// Example of RFC 6455, section 5.7.
func TestMaskExample(t *testing.T) {
	p := []byte{0x7f, 0x9f, 0x4d, 0x51, 0x58}
	mask(p, p, 0x3d21fa37)
	require.Equal(t, "Hello", string(p))
}
