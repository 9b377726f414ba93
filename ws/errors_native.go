//go:build !js

package ws

// More close codes of RFC 6455, section 7.4.1.
const (
	codeProtocol = 1002
	codeInvalid  = 1007 // what has to be UTF-8 is not
)

// A ProtocolError is why reading ends when the peer has broken the rules of RFC 6455. The
// peer has been told, by a close frame with this code and reason.
type ProtocolError struct {
	Code   int    // 1002, or 1007 for text that is not UTF-8
	Reason string // which rule it was
}

func (e *ProtocolError) Error() string { return "ws: the peer broke the protocol: " + e.Reason }

var (
	errReserved        = &ProtocolError{codeProtocol, "a reserved bit is set"}
	errOpcode          = &ProtocolError{codeProtocol, "reserved opcode"}
	errUnmasked        = &ProtocolError{codeProtocol, "unmasked frame from a client"}
	errMasked          = &ProtocolError{codeProtocol, "masked frame from a server"}
	errLength          = &ProtocolError{codeProtocol, "length of 2^63 or more"}
	errNotMinimal      = &ProtocolError{codeProtocol, "length in more bytes than it takes"}
	errControlFragment = &ProtocolError{codeProtocol, "fragmented control frame"}
	errControlLength   = &ProtocolError{codeProtocol, "control frame of more than 125 bytes"}
	errInside          = &ProtocolError{codeProtocol, "new message inside of another"}
	errContinuation    = &ProtocolError{codeProtocol, "continuation of no message"}
	errCloseLength     = &ProtocolError{codeProtocol, "close frame of one byte"}
	errCloseCode       = &ProtocolError{codeProtocol, "close code that may not be sent"}
	errCloseText       = &ProtocolError{codeInvalid, "close reason is not UTF-8"}
)
