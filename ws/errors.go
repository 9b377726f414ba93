package ws

import (
	"errors"
	"io"
	"strconv"
)

// The close codes of RFC 6455, section 7.4.1, that this package tells apart.
const (
	codeNormal      = 1000
	codeGoingAway   = 1001
	codeUnsupported = 1003
	codeNone        = 1005 // the close frame had no code
	codeAbnormal    = 1006 // there was no close frame
)

// ErrText is why reading ends after the peer has sent a text message.
var ErrText = errors.New("ws: text message from the peer: only binary messages are understood")

// errBrokenOff is why reading ends when the peer did not end its direction in order.
var errBrokenOff = &opError{"read: stream broke off", io.ErrUnexpectedEOF}

// A CloseError is why reading or writing ends when the peer has closed with a code
// that is not a normal end. Other reasons to close come as [io.EOF] or
// [io.ErrUnexpectedEOF].
type CloseError struct {
	Code   int    // 1000 to 4999
	Reason string // what the peer wrote, at most 123 bytes: not to be trusted
}

func (e *CloseError) Error() string {
	s := "ws: closed by the peer with code " + strconv.Itoa(e.Code)
	if e.Reason != "" {
		s += ": " + quote(e.Reason)
	}
	return s
}

// endOfStream is what a reader gets for the peer's close frame.
func endOfStream(e *CloseError) error {
	switch e.Code {
	case codeNormal, codeGoingAway:
		return io.EOF
	case codeNone, codeAbnormal:
		return errBrokenOff
	}
	return e
}

// A URLError is why a dialer did not even try.
type URLError struct {
	URL    string
	Reason string
}

func (e *URLError) Error() string {
	return "ws: dial " + quote(e.URL) + ": " + e.Reason
}

// An opError says what failed.
type opError struct {
	op  string
	err error
}

func (e *opError) Error() string {
	text := e.err.Error()
	if len(text) >= 4 && text[:4] == "ws: " { // one prefix is enough
		text = text[4:]
	}
	return "ws: " + e.op + ": " + text
}

func (e *opError) Unwrap() error { return e.err }

// A timeoutError is an operation past its deadline.
type timeoutError struct{ opError }

func (e *timeoutError) Timeout() bool { return true }

// Temporary is false: the stream has ended.
func (e *timeoutError) Temporary() bool { return false }
