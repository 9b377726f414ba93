package classic

import (
	"strings"

	"github.com/hisock/hisock/core/wire"
)

// SpacedKind returns the kind of a payload of releases 0.0.2 to 1.2, which have no [markCommand], and the bytes after
// its marker. It knows only the protocol's own payloads that came with 1.0. The kind of any other payload is 0: the
// payload is a notice, a command or a raw message, as in 0.0.2.
//
// If nothing follows the marker, rest is nil, which means none to [KindRename] and [KindRegroup]. If only a space
// follows, rest is empty, which means an empty text.
func SpacedKind(payload []byte, fromClient bool) (k Kind, rest []byte) {
	switch {
	case !fromClient && string(payload) == dismissal:
		return KindDismissal, nil
	case !fromClient && hasPrefix(payload, "{"):
		return KindRecord, payload
	case !fromClient:
		return 0, nil
	case string(payload) == leaving:
		return KindLeaving, nil
	}
	for _, m := range clientMarks {
		if !hasPrefix(payload, m.mark) {
			continue
		}
		rest = payload[len(m.mark):]
		if len(rest) == 0 {
			return m.kind, nil
		}
		if rest[0] == ' ' {
			rest = rest[1:]
		}
		return m.kind, rest
	}
	return 0, nil
}

// NextWish is [Next] for the frames that a client of 0.0.2 to 1.2 sends after its hello. A client of 1.x asks for no
// name and for no group without a header: where a header should begin, $CHNAME$ and $CHGROUP$ are payloads by
// themselves.
func NextWish(b []byte, headerLen, max int) (payload []byte, size int, ok bool, err error) {
	if len(b) == 0 || b[0] != '$' {
		return Next(b, headerLen, max)
	}
	return nextLiteral(b, headerLen, markRename, markRegroup)
}

// nextLiteral splits a payload without a header, one of the literals, off b. b and all literals begin with the same byte.
func nextLiteral(b []byte, headerLen int, literals ...string) (payload []byte, size int, ok bool, err error) {
	longest := 0
	for _, bare := range literals {
		n := min(len(b), len(bare))
		switch {
		case string(b[:n]) != bare[:n]:
		case n == len(bare):
			return b[:n:n], n, true, nil
		default:
			if longest == 0 || len(bare) < longest {
				longest = len(bare)
			}
		}
	}
	if longest > 0 {
		return nil, longest, false, nil
	}
	return nil, 0, false, fault(wire.CodeProtocol, "header "+quote(b[:min(len(b), headerSize(headerLen))]), "not a number of bytes")
}

// AppendAsk appends the frame with which a client asks for the record of another client, by its name or ip:port. spaced
// is true for releases 1.x.
func AppendAsk(dst []byte, headerLen int, who string, spaced bool) []byte {
	if spaced {
		return appendText(dst, headerLen, markAsk+" "+who)
	}
	return appendText(dst, headerLen, markAsk+who)
}

// AskedAddr returns ip:port for an address that Python has printed as a tuple: "('127.0.0.1', 45362)". It returns any
// other text as it is.
func AskedAddr(who string) string {
	inner, ok := strings.CutPrefix(who, "(")
	if inner, ok2 := strings.CutSuffix(inner, ")"); ok && ok2 {
		host, port, _ := strings.Cut(inner, ",")
		host, port = strings.TrimSpace(host), strings.TrimSpace(port)
		if n := len(host); n > 2 && port != "" && (host[0] == '\'' || host[0] == '"') && host[n-1] == host[0] {
			return host[1:n-1] + ":" + port
		}
	}
	return who
}

// peerHeaderLen returns the length of the header with which b begins, if it is the header of a hello or a notice of any
// release: a decimal number, spaces, and then the marker. marked is the number of the marker's bytes that are in b.
func peerHeaderLen(b []byte) (headerLen, marked int) {
	n := 0
	for n < len(b) && '0' <= b[n] && b[n] <= '9' {
		n++
	}
	if n == 0 {
		return 0, 0
	}
	for n < len(b) && b[n] == ' ' {
		n++
	}
	rest := b[n:]
	for _, mark := range []string{markHello, markConnected, markDisconnected} {
		if m := min(len(rest), len(mark)); string(rest[:m]) == mark[:m] {
			return n, m
		}
	}
	return 0, 0
}

// WrongHeader returns an error if b, the first bytes of a stream, shows that the peer's header does not have headerLen
// bytes: b has a number, spaces, and the marker of a hello or a notice in the wrong place. The error is a *[wire.Error]
// with [wire.CodeProtocol].
func WrongHeader(b []byte, headerLen int) error {
	headerLen = headerSize(headerLen)
	n, marked := peerHeaderLen(b)
	if marked == 0 || n == headerLen || n > headerLen && marked < len(markConnected) { // the rest of b may be a payload
		return nil
	}
	return fault(wire.CodeProtocol, "header", "the peer's has "+itoa(n)+" B, and "+itoa(headerLen)+" B are set here")
}
