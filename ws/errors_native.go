//go:build !js

package ws

// More close codes of RFC 6455, section 7.4.1.
const (
	codeProtocol = 1002
	codeInvalid  = 1007 // text is not UTF-8, or data is not what it says it is
	codeTooBig   = 1009
)

// A ProtocolError is the error of reads and writes after the peer has broken a rule of RFC 6455. The
// peer has been sent a close frame with this code and reason.
type ProtocolError struct {
	Code   int    // 1002; 1007 for text that is not UTF-8 and data that cannot be inflated; 1009 for more than [Compression.MaxMessage]
	Reason string // the rule that was broken
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
	errCompressedBit   = &ProtocolError{codeProtocol, "a frame that begins no message is marked as compressed"}
	errInflate         = &ProtocolError{codeInvalid, "compressed data is corrupt or cut off"}
	errInflated        = &ProtocolError{codeTooBig, "compressed message of more bytes than are allowed"}
)
