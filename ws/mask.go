//go:build !js

package ws

import (
	"encoding/binary"
	"math/bits"
)

// mask copies src to dst and masks it with key. Masking twice with the same key gives the original. mask returns
// the key for the bytes after src. dst is at least as long as src. Both may overlap in one array if dst does
// not begin after the start of src.
func mask(dst, src []byte, key uint32) uint32 {
	dst = dst[:len(src)]
	if len(src) >= blocksFrom {
		maskBlocks(&dst[0], &src[0], len(src)/64, key)
		n := len(src) &^ 63
		dst, src = dst[n:], src[n:]
	}
	wide := uint64(key)<<32 | uint64(key)
	for len(src) >= 32 && len(dst) >= 32 {
		a := binary.LittleEndian.Uint64(src)
		b := binary.LittleEndian.Uint64(src[8:])
		c := binary.LittleEndian.Uint64(src[16:])
		d := binary.LittleEndian.Uint64(src[24:])
		binary.LittleEndian.PutUint64(dst, a^wide)
		binary.LittleEndian.PutUint64(dst[8:], b^wide)
		binary.LittleEndian.PutUint64(dst[16:], c^wide)
		binary.LittleEndian.PutUint64(dst[24:], d^wide)
		src, dst = src[32:], dst[32:]
	}
	for len(src) >= 8 && len(dst) >= 8 {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src)^wide)
		src, dst = src[8:], dst[8:]
	}
	for i := range src {
		dst[i] = src[i] ^ byte(key)
		key = bits.RotateLeft32(key, -8)
	}
	return key
}
