package classic

import (
	"bytes"
	"strings"

	"github.com/hisock/hisock/core/wire"
)

// The markers of 3.0a that 0.0.2 does not have.
const (
	markCommand = "$CMD$"
	markBody    = "$MSG$"
	markRename  = "$CHNAME$"
	markRegroup = "$CHGROUP$"
	markAsk     = "$GETCLT$"

	leaving     = "$USRCLOSE$"
	dismissal   = "$DISCONN$"
	aliveProbe  = "$KEEPALIVE$"
	aliveAnswer = "$KEEPACK$"
)

// A Kind is the kind of a payload. The kinds are named for 3.0a, and other releases have some of them.
type Kind uint8

const (
	KindCommand     Kind = iota + 1 // a command, see [SplitTyped]
	KindLeaving                     // the client leaves
	KindRename                      // the client asks for another name: the text after the marker
	KindRegroup                     // the client asks to be in another group: the text after the marker
	KindAsk                         // the client asks for the record of another client, by its name or ip:port
	KindAliveAnswer                 // the client is alive
	KindNotice                      // a client has come or gone, see [ParseNotice]
	KindDismissal                   // the client is disconnected
	KindAliveProbe                  // the server asks whether the client is alive
	KindRecord                      // an answer to KindAsk
)

// KindOf returns the kind of a payload of 3.0a, and the bytes after its marker. A payload without a marker, or with a
// marker that only the other end sends, is a command.
func KindOf(payload []byte, fromClient bool) (k Kind, rest []byte) {
	if fromClient {
		for _, m := range clientMarks {
			if hasPrefix(payload, m.mark) {
				return m.kind, payload[len(m.mark):]
			}
		}
		switch string(payload) {
		case leaving:
			return KindLeaving, nil
		case aliveAnswer:
			return KindAliveAnswer, nil
		}
		return KindCommand, payload
	}
	switch {
	case hasPrefix(payload, markConnected), hasPrefix(payload, markDisconnected):
		return KindNotice, payload
	case hasPrefix(payload, "{"):
		return KindRecord, payload
	}
	switch string(payload) {
	case dismissal:
		return KindDismissal, nil
	case aliveProbe:
		return KindAliveProbe, nil
	}
	return KindCommand, payload
}

var clientMarks = [...]struct {
	mark string
	kind Kind
}{{markRename, KindRename}, {markRegroup, KindRegroup}, {markAsk, KindAsk}}

// SplitTyped splits a command of 3.0a into its name and its body, for [ParseBody]. Both alias the payload. body is nil
// if there is none. A payload without the markers of a command is the name of a command without content. The name may
// be any bytes: the caller checks it with [wire.ValidName].
func SplitTyped(payload []byte) (name, body []byte) {
	if !hasPrefix(payload, markCommand) {
		return payload, nil
	}
	rest := payload[len(markCommand):]
	i := bytes.Index(rest, []byte(markBody))
	if i < 0 {
		return payload, nil
	}
	return rest[:i:i], rest[i+len(markBody):]
}

// AppendAliveProbe appends the frame that asks a client of 2.x or 3.0a for a sign of life.
func AppendAliveProbe(dst []byte, headerLen int) []byte {
	return appendText(dst, headerLen, aliveProbe)
}

// CheckTyped returns an error if a command with that name cannot be sent to a peer of 2.x or 3.0a: the name is empty,
// or contains the marker $MSG$, which would end it early. For a server the name must not begin with $, C, M or D
// either, since a server strips all such letters from the beginning of each name, and loses the content with them. The
// rules of [wire.ValidName] are not checked again. The error is a *[wire.Error] with [wire.CodeBadName].
func CheckTyped(name string, toServer bool) error {
	switch {
	case name == "":
		return fault(wire.CodeBadName, "command", "name is empty")
	case strings.Contains(name, markBody):
		return fault(wire.CodeBadName, "command "+quote(name), "the marker "+markBody+" would end the name")
	case toServer && strings.IndexByte("$CMD", name[0]) >= 0:
		return fault(wire.CodeBadName, "command "+quote(name),
			"a server of 2.0 or later cuts off the first letters of a name that begins with $, C, M or D")
	}
	return nil
}

// AppendTyped appends the frame of a command of 3.0a with a payload of form as. The caller has checked the name with
// [CheckTyped]. Every error is a *[wire.Error]: an error of [AppendBody], or [wire.CodeTooBig] if the command does not
// fit the header. Then dst is returned unchanged.
func AppendTyped(dst []byte, headerLen int, name string, as Form, payload []byte) ([]byte, error) {
	return appendMarked(dst, headerLen, name, func(b []byte) ([]byte, error) { return AppendBody(b, as, payload) })
}

// AppendLeaving appends the frame with which a client of 3.0a leaves.
func AppendLeaving(dst []byte, headerLen int) []byte { return appendText(dst, headerLen, leaving) }

// AppendDismissal appends the frame that tells a client of 3.0a that it is
// disconnected.
func AppendDismissal(dst []byte, headerLen int) []byte {
	return appendText(dst, headerLen, dismissal)
}

// AppendAliveAnswer appends the frame that answers a [KindAliveProbe].
func AppendAliveAnswer(dst []byte, headerLen int) []byte {
	return appendText(dst, headerLen, aliveAnswer)
}

func appendText(dst []byte, headerLen int, text string) []byte {
	return append(appendHeader(dst, headerLen, len(text)), text...)
}

// maxBare bounds the JSON that a server sends without a header, in bytes.
const maxBare = 8 << 10

// NextBare is [Next] for the frames of a server of 3.0a. Such a server writes three payloads without a header:
// $DISCONN$, $KEEPALIVE$, and a JSON object of up to 8 KiB, the record of a client. Where a header should begin, these
// are payloads by themselves. While an object arrives, size may grow from call to call.
func NextBare(b []byte, headerLen, max int) (payload []byte, size int, ok bool, err error) {
	if len(b) == 0 || b[0] != '$' && b[0] != '{' {
		return Next(b, headerLen, max)
	}
	if b[0] == '{' {
		return nextObject(b)
	}
	return nextLiteral(b, headerLen, dismissal, aliveProbe)
}

// nextObject finds the end of an object. It does not check that the object is JSON.
func nextObject(b []byte) (payload []byte, size int, ok bool, err error) {
	depth, inText := 0, false
	for i := 0; i < min(len(b), maxBare); i++ {
		switch c := b[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case inText:
		case c == '{':
			depth++
		case c == '}':
			if depth--; depth == 0 {
				return b[: i+1 : i+1], i + 1, true, nil
			}
		}
	}
	if len(b) >= maxBare {
		return nil, 0, false, fault(wire.CodeTooBig, "object without a header", "exceeds limit "+itoa(maxBare)+" B")
	}
	return nil, len(b) + 1, false, nil
}
