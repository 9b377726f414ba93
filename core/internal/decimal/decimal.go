// Package decimal reads numbers and bools as people and other languages write them in decimal. It
// takes less than package strconv: no hexadecimal, no "_" between digits, no "Inf" and no "NaN".
// The bytes may be a peer's, of any length; nothing is kept of them or allocated for them.
package decimal

import "strconv"

// MaxLen is how long a number may be, in bytes. A float64 written out in full has 1,079.
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

// Int reads a sign, which may be absent, and digits. It reports false for anything else and for what
// does not fit that many bits.
func Int(b []byte, bits int) (int64, bool) {
	if len(b) > MaxLen || !digits(unsign(b)) {
		return 0, false
	}
	n, err := strconv.ParseInt(string(b), 10, bits)
	return n, err == nil
}

// Uint reads digits. It reports false for anything else, a sign too, and for what does not fit that
// many bits.
func Uint(b []byte, bits int) (uint64, bool) {
	if len(b) > MaxLen || !digits(b) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(b), 10, bits)
	return n, err == nil
}

// Float reads a sign, digits with a point among, before or after them, and an exponent; sign, point
// and exponent may be absent. It reports false for anything else and for what is too large; what is
// too small is zero.
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

// Bool reads "true", "false", the same as Python writes them, "1" and "0".
func Bool(b []byte) (value, ok bool) {
	switch string(b) { // does not allocate
	case "true", "True", "1":
		return true, true
	case "false", "False", "0":
		return false, true
	}
	return false, false
}

// unsign returns b without the sign that it may begin with.
func unsign(b []byte) []byte {
	if len(b) > 0 && (b[0] == '+' || b[0] == '-') {
		return b[1:]
	}
	return b
}

// digits reports whether b is one digit or more, and nothing else.
func digits(b []byte) bool { return len(b) > 0 && leading(b) == len(b) }

// leading returns how many digits b begins with.
func leading(b []byte) int {
	for i, c := range b {
		if c < '0' || c > '9' {
			return i
		}
	}
	return len(b)
}
