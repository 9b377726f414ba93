//go:build !js

package ws

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFrameTracker finds the end of the close frame however the bytes are cut up.
func TestFrameTracker(t *testing.T) {
	var stream []byte
	for _, size := range []int{0, 1, 125, 126, 70_000} {
		f := frame{opBinary, true, string(make([]byte, size))}
		stream = appendFrame(stream, f)
		stream = append(stream, unmasked(f)...)
	}
	stream = appendFrame(stream, frame{opPing, true, "\x88\x00"})
	closes := map[string][]byte{
		"masked":          appendClose(nil, 1000, "bye", &[4]byte{1, 2, 3, 4}),
		"unmasked":        appendClose(nil, 1000, "", nil),
		"without payload": {0x88, 0x00},
	}
	for name, closing := range closes {
		t.Run(name, func(t *testing.T) {
			want := len(stream) + len(closing)
			all := append(bytes.Clone(stream), closing...)
			all = append(all, "what follows"...)
			for _, piece := range []int{1, 2, 3, 7, 4096, len(all)} {
				var tracker frameTracker
				passed := 0
				for {
					p := all[passed:min(passed+piece, len(all))]
					n, closed := tracker.next(p)
					passed += n
					if closed {
						break
					}
					if n < len(p) || passed == len(all) {
						require.FailNow(t, "bytes held back, or close frame not seen", "after %d bytes", passed)
					}
				}
				require.Equal(t, want, passed, "in pieces of %d", piece)
			}
		})
	}
}

// unmasked turns a frame of a client into one of a server.
func unmasked(f frame) []byte {
	b := appendFrame(nil, f)
	head := b[:len(b)-len(f.payload)-4]
	head[1] &^= maskBit
	return append(head, f.payload...)
}

func TestAppendClose(t *testing.T) {
	require.Equal(t, []byte("\x88\x05\x03\xe8bye"), appendClose(nil, 1000, "bye", nil))
	masked := appendClose(nil, 1000, "bye", &[4]byte{1, 2, 3, 4})
	require.Equal(t, []byte("\x88\x85\x01\x02\x03\x04\x02\xeaa}d"), masked)
}
