package wire

import "strconv"

// An Error is a fault in bytes from a peer or in a name. Every error of this
// package is a *Error.
type Error struct {
	Code Code   // the code to tell the peer
	Text string // the fault in words; values in it are quoted in ASCII and cut short
}

// Error returns the text after "wire: ".
func (e *Error) Error() string {
	if e.Text == "" {
		return "wire: " + e.Code.String()
	}
	return "wire: " + e.Text
}

// Is reports whether target is the error's [Code].
func (e *Error) Is(target error) bool {
	code, ok := target.(Code)
	return ok && code == e.Code
}

// maxQuoted bounds the bytes of a peer's value that an error text repeats.
const maxQuoted = 48

// quote returns s quoted in ASCII, cut after maxQuoted bytes.
func quote(s string) string {
	if len(s) > maxQuoted {
		return Quote(Cut(s, maxQuoted)) + "..."
	}
	return Quote(s)
}

func byteCount[N int | uint64](n N) string {
	return strconv.FormatUint(uint64(n), 10) + " B"
}
