package classic

import "github.com/hisock/hisock/core/wire"

// The markers that open a payload of the protocol's own, and the two that are one.
const (
	markHello        = "$CLTHELLO$"
	markConnected    = "$CLTCONN$"
	markDisconnected = "$CLTDISCONN$"
	tlsProbe         = "$DH_NUMS$"
	noTLS            = "$NOTLS$"
)

// A Label is the name or the group of a client. The zero Label is the absent one,
// null on the wire, which is not the same there as an empty text.
type Label struct {
	Text string // empty if not Set
	Set  bool
}

// LabelOf is a label that is there, even if text is empty.
func LabelOf(text string) Label { return Label{text, true} }

// A Hello is the first frame of a connection, sent by the client.
type Hello struct {
	Name, Group Label
}

// AppendHello appends the frame of a hello. Bytes of a label that are not UTF-8
// are written as U+FFFD. As for the length, see [AppendFrame]: by default there
// is room for any name.
func AppendHello(dst []byte, headerLen int, h Hello) []byte {
	return appendHello(dst, headerLen, markHello+" ", h)
}

func appendHello(dst []byte, headerLen int, mark string, h Hello) []byte {
	var room [256]byte // most hellos do without an allocation
	b := append(append(room[:0], mark...), `{"name": `...)
	b = appendLabel(b, h.Name)
	b = append(b, `, "group": `...)
	b = appendLabel(b, h.Group)
	return AppendFrame(dst, headerLen, append(b, '}'))
}

// ParseHello parses the payload of the first frame. The result does not refer to
// payload, and what is allocated is no more than payload is long. A label is text
// of any kind, empty, long or with control characters: the caller checks it with
// [wire.ValidName].
//
// The marker with its space may be left out. A label that is a number or a bool
// becomes the text that stands for it in the JSON; half a surrogate pair becomes
// U+FFFD. Keys other than name and group are skipped, and of one that is there
// twice the last counts.
//
// Every error is a *[wire.Error] and means that the hello is to be refused, which
// in this protocol is closing the connection: [wire.CodeProtocol] for what is no
// JSON object with both keys, [wire.CodeBadName] for a label that is an array or
// object, and [wire.CodeVersion] for the marker without its space, which is how
// releases from 2.0 on say hello.
func ParseHello(payload []byte) (Hello, error) {
	text := payload
	if hasPrefix(payload, markHello) {
		text = payload[len(markHello):]
		if !hasPrefix(text, " ") {
			return Hello{}, fault(wire.CodeVersion, "hello "+quote(payload),
				"no space after "+markHello+": not the protocol of 0.0.2")
		}
		text = text[1:]
	}
	return parseHello(payload, text)
}

// parseHello parses the JSON of a hello, whose payload is named if it is wrong.
func parseHello(payload, text []byte) (Hello, error) {
	fields := [...]field{{key: "name"}, {key: "group"}}
	if why := parseObject(text, fields[:]); why != "" {
		return Hello{}, fault(wire.CodeProtocol, "hello "+quote(payload), why)
	}
	var h Hello
	var err error
	if h.Name, err = fields[0].label("hello"); err != nil {
		return Hello{}, err
	}
	if h.Group, err = fields[1].label("hello"); err != nil {
		return Hello{}, err
	}
	return h, nil
}

// IsTLSProbe says whether a payload is the client's question for TLS, which no
// release ever built. The answer is [AppendNoTLS].
func IsTLSProbe(payload []byte) bool { return string(payload) == tlsProbe }

// AppendNoTLS appends the frame that answers a question for TLS: no.
func AppendNoTLS(dst []byte, headerLen int) []byte {
	return append(appendHeader(dst, headerLen, len(noTLS)), noTLS...)
}

// IsNoTLS says whether a payload is that answer.
func IsNoTLS(payload []byte) bool { return string(payload) == noTLS }

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// label is the value of a name or group.
func (f *field) label(what string) (Label, error) {
	switch f.value[0] {
	case '"':
		return LabelOf(unquote(f.value)), nil
	case '{', '[':
		return Label{}, fault(wire.CodeBadName, what+": "+f.key+" "+quote(f.value), "not a text")
	}
	if string(f.value) == "null" {
		return Label{}, nil
	}
	return LabelOf(string(f.value)), nil
}
