package classic

import (
	"bytes"
	"strings"

	"github.com/hisock/hisock/core/wire"
)

// The markers of 3.0a beside those it shares with 0.0.2.
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

// A Kind says what a payload of 3.0a is.
type Kind uint8

const (
	KindCommand     Kind = iota + 1 // a command, see [SplitTyped]
	KindLeaving                     // the client leaves
	KindRename                      // the client wants another name: the text behind
	KindRegroup                     // the client wants to be in another group: the text behind
	KindAsk                         // the client asks for the record of another: its name or ip:port
	KindAliveAnswer                 // the client is alive
	KindNotice                      // somebody came or went, see [ParseNotice]
	KindDismissal                   // the client is disconnected
	KindAliveProbe                  // the server asks whether the client is alive
	KindRecord                      // an answer to KindAsk
)

// KindOf says what a payload of 3.0a is, and what stands behind its marker if it
// has one. What only the other end sends is a command, as everything is that has
// no marker.
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

// SplitTyped splits a command of 3.0a into its name and its body, which [ParseBody]
// reads. Both alias the payload. body is nil if there is none: without the markers
// of a command the whole payload is the name of one without content. The name is
// any bytes: the caller checks it with [wire.ValidName].
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

// CheckTyped reports why no command of that name can be sent to a peer of 2.x or 3.0a, or
// nil: it is empty or has the marker $MSG$ in it, which would end it early. Nor to
// a server can one be sent whose first letter is $, C, M or D: it takes those
// letters off every name, as many as there are, and the content with them. What
// [wire.ValidName] asks for is not checked again. The error is a *[wire.Error]
// with [wire.CodeBadName].
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

// AppendTyped appends the frame of a command of 3.0a with a payload of that form.
// The caller has checked the name with [CheckTyped]. Every error is a *[wire.Error],
// those of [AppendBody] and [wire.CodeTooBig] for what does not fit the header; dst
// is then returned as it was.
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

// NextBare is [Next] for what a server of 3.0a sends, which writes three things
// without a header: where one should begin, $DISCONN$, $KEEPALIVE$ and a JSON object
// of up to 8 KiB, the record of a client, are payloads by themselves. size may
// grow while an object comes.
func NextBare(b []byte, headerLen, max int) (payload []byte, size int, ok bool, err error) {
	if len(b) == 0 || b[0] != '$' && b[0] != '{' {
		return Next(b, headerLen, max)
	}
	if b[0] == '{' {
		return nextObject(b)
	}
	return nextLiteral(b, headerLen, dismissal, aliveProbe)
}

// nextObject finds where an object ends, without a look at whether it is JSON.
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
