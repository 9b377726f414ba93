package classic

import "github.com/hisock/hisock/core/wire"

// The markers with which the protocol's own payloads begin. The last two are whole payloads.
const (
	markHello        = "$CLTHELLO$"
	markConnected    = "$CLTCONN$"
	markDisconnected = "$CLTDISCONN$"
	tlsProbe         = "$DH_NUMS$"
	noTLS            = "$NOTLS$"
)

// A Label is the name or the group of a client. The zero Label is absent: it is null on the wire, which differs from an
// empty text.
type Label struct {
	Text string // empty if not Set
	Set  bool
}

// LabelOf returns a label that is set, even if text is empty.
func LabelOf(text string) Label { return Label{text, true} }

// A Hello is the first frame of a connection, sent by the client.
type Hello struct {
	Name, Group Label
}

// AppendHello appends the frame of a hello. Bytes of a label that are not UTF-8 are written as U+FFFD. The length must
// fit into the header; see [AppendFrame]. By default there is room for any name.
func AppendHello(dst []byte, headerLen int, h Hello) []byte {
	return appendHello(dst, headerLen, markHello+" ", h)
}

func appendHello(dst []byte, headerLen int, mark string, h Hello) []byte {
	var room [256]byte // most hellos need no allocation
	b := append(append(room[:0], mark...), `{"name": `...)
	b = appendLabel(b, h.Name)
	b = append(b, `, "group": `...)
	b = appendLabel(b, h.Group)
	return AppendFrame(dst, headerLen, append(b, '}'))
}

// ParseHello parses the payload of the first frame. The result does not refer to payload, and ParseHello allocates at
// most as many bytes as payload has. A label may be any text: empty, long or with control characters. The caller checks
// it with [wire.ValidName].
//
// The marker with its space may be left out. A label that is a number or a bool becomes the text of the number or bool
// in the JSON. Half a surrogate pair becomes U+FFFD. Keys other than name and group are skipped. If a key is given
// twice, the last value counts.
//
// Every error is a *[wire.Error], and means that the caller must refuse the hello by closing the connection. It is
// [wire.CodeProtocol] for a payload that is not a JSON object with both keys, [wire.CodeBadName] for a label that is an
// array or object, and [wire.CodeVersion] for the marker without its space, with which releases from 2.0 on begin a
// hello.
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

// parseHello parses text, the JSON of a hello. payload is for the text of an error.
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

// IsTLSProbe reports whether a payload is a client's question for TLS. No release implements TLS. The answer is
// [AppendNoTLS].
func IsTLSProbe(payload []byte) bool { return string(payload) == tlsProbe }

// AppendNoTLS appends the frame that answers a question for TLS with no.
func AppendNoTLS(dst []byte, headerLen int) []byte {
	return append(appendHeader(dst, headerLen, len(noTLS)), noTLS...)
}

// IsNoTLS reports whether a payload is the answer that [AppendNoTLS] appends.
func IsNoTLS(payload []byte) bool { return string(payload) == noTLS }

func hasPrefix(b []byte, prefix string) bool {
	return len(b) >= len(prefix) && string(b[:len(prefix)]) == prefix
}

// label returns the value of a name or a group.
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
