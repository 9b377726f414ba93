package ws

import (
	"errors"
	"io"
	"strconv"
)

// Close codes of RFC 6455, section 7.4.1, that this package uses on every platform.
const (
	codeNormal      = 1000
	codeGoingAway   = 1001
	codeUnsupported = 1003
	codeNone        = 1005 // the close frame had no code
	codeAbnormal    = 1006 // there was no close frame
)

// ErrText is the error of Read after the peer has sent a text message.
var ErrText = errors.New("ws: text message from the peer: only binary messages are understood")

// errBrokenOff is the error of Read if the stream ends without an orderly end of the peer's direction.
var errBrokenOff = &opError{"read: stream broke off", io.ErrUnexpectedEOF}

// A CloseError is the error of reads after the peer has closed the WebSocket with a code other than 1000 and
// 1001, and of writes after the peer has closed it with any code. With 1000 and 1001 reads end with [io.EOF],
// and without a code with [io.ErrUnexpectedEOF].
type CloseError struct {
	Code   int    // 1000 to 4999; 1005 for a close frame without a code, 1006 in a browser for none at all
	Reason string // text from the peer, at most 123 bytes; not to be trusted
}

func (e *CloseError) Error() string {
	s := "ws: closed by the peer with code " + strconv.Itoa(e.Code)
	if e.Reason != "" {
		s += ": " + quote(e.Reason)
	}
	return s
}

// endOfStream returns the error of reads for the peer's close frame.
func endOfStream(e *CloseError) error {
	switch e.Code {
	case codeNormal, codeGoingAway:
		return io.EOF
	case codeNone, codeAbnormal:
		return errBrokenOff
	}
	return e
}

// A URLError is the error of a Dial whose URL is invalid. Dial did not connect.
type URLError struct {
	URL    string
	Reason string
}

func (e *URLError) Error() string {
	return "ws: dial " + quote(e.URL) + ": " + e.Reason
}

// An opError is the error of an operation.
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

// A timeoutError is the error of an operation past its deadline.
type timeoutError struct{ opError }

func (e *timeoutError) Timeout() bool { return true }

// Temporary returns false: the deadline may have ended the stream.
func (e *timeoutError) Temporary() bool { return false }
