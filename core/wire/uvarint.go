package wire

import "math/bits"

// maxUvarint is the greatest size of a number of 64 bits, in bytes.
const maxUvarint = 10

// What uvarint returns in place of a byte count.
const (
	uvarintShort    = 0  // the bytes end before the number does
	uvarintPadded   = -1 // longer than needed
	uvarintOverflow = -2 // over 64 bits
)

// uvarint reads a number from the front of b: seven bits in each byte, low bits
// first, and the high bit set in all bytes but the last. It returns the number and
// its size in bytes, or a constant from above in place of the size.
func uvarint(b []byte) (v uint64, n int) {
	for i, c := range b {
		if i == maxUvarint-1 && c > 1 {
			return 0, uvarintOverflow
		}
		if c < 0x80 {
			if c == 0 && i > 0 {
				return 0, uvarintPadded
			}
			return v | uint64(c)<<(7*i), i + 1
		}
		v |= uint64(c&0x7f) << (7 * i)
	}
	return 0, uvarintShort
}

// uvarintFault returns the text for a negative result of uvarint.
func uvarintFault(n int) string {
	if n == uvarintPadded {
		return "number longer than needed"
	}
	return "number over 64 bits"
}

func appendUvarint(dst []byte, v uint64) []byte {
	for v >= 0x80 {
		dst = append(dst, byte(v)|0x80)
		v >>= 7
	}
	return append(dst, byte(v))
}

// uvarintSize returns how many bytes appendUvarint adds.
func uvarintSize(v uint64) int { return (bits.Len64(v|1) + 6) / 7 }

// appendString appends s after its length.
func appendString[S string | []byte](dst []byte, s S) []byte {
	return append(appendUvarint(dst, uint64(len(s))), s...)
}

// stringSize returns how many bytes appendString adds for n bytes.
func stringSize(n int) int { return uvarintSize(uint64(n)) + n }
