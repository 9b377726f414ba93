// Package decimal parses decimal numbers and bools as people and other languages write them. It accepts less than
// package strconv: no hexadecimal, no "_" between digits, no "Inf" and no "NaN". The bytes may come from a peer and
// have any length. The package does not keep them, and allocates nothing for them.
package decimal

import "strconv"

// MaxLen is the length of the longest number, in bytes. A float64 that is written out in full has at most 1,079 bytes.
const MaxLen = 1100

// Trim returns b without the ASCII white space around it.
func Trim(b []byte) []byte {
	for len(b) > 0 && space(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && space(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func space(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// Int parses an optional sign and digits. It reports false for any other text, and for a number that does not fit into
// bits bits.
func Int(b []byte, bits int) (int64, bool) {
	if len(b) > MaxLen || !digits(unsign(b)) {
		return 0, false
	}
	n, err := strconv.ParseInt(string(b), 10, bits)
	return n, err == nil
}

// Uint parses digits. It reports false for any other text, also for a sign, and for a number that does not fit into
// bits bits.
func Uint(b []byte, bits int) (uint64, bool) {
	if len(b) > MaxLen || !digits(b) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b), 10, bits)
	return n, err == nil
}

// Float parses an optional sign, digits with an optional point before, between or after them, and an optional exponent.
// It reports false for any other text, and for a number that is too large. A number that is too small becomes zero.
func Float(b []byte, bits int) (float64, bool) {
	if len(b) > MaxLen {
		return 0, false
	}
	rest := unsign(b)
	whole := leading(rest)
	rest = rest[whole:]
	fraction := 0
	if len(rest) > 0 && rest[0] == '.' {
		fraction = leading(rest[1:])
		rest = rest[1+fraction:]
	}
	if whole+fraction == 0 {
		return 0, false
	}
	if len(rest) > 0 && (rest[0] != 'e' && rest[0] != 'E' || !digits(unsign(rest[1:]))) {
		return 0, false
	}
	f, err := strconv.ParseFloat(string(b), bits)
	return f, err == nil
}

// Bool parses "true", "True" and "1", and "false", "False" and "0".
func Bool(b []byte) (value, ok bool) {
	switch string(b) { // does not allocate
	case "true", "True", "1":
		return true, true
	case "false", "False", "0":
		return false, true
	}
	return false, false
}

// unsign returns b without a leading sign.
func unsign(b []byte) []byte {
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		return b[1:]
	}
	return b
}

// digits reports whether b has digits only, and at least one.
func digits(b []byte) bool { return len(b) > 0 && leading(b) == len(b) }

// leading returns the number of digits with which b begins.
func leading(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}
