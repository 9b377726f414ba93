package core

// A Kind says which of the three things a peer can send a [Frame] is.
type Kind uint8

const (
	KindCommand Kind = iota + 1 // a command: a name and a payload, not answered
	KindCall                    // a call: a name and a payload, answered once
	KindRaw                     // a raw message: a payload without a name
)

// String returns the kind in lower case, such as "command".
func (k Kind) String() string {
	switch k {
	case KindCommand:
		return "command"
	case KindCall:
		return "call"
	case KindRaw:
		return "raw message"
	}
	return "unknown kind"
}

// A Frame is one command, call or raw message, as catch-all handlers and
// middleware see it.
type Frame struct {
	Kind    Kind
	Command string // empty for a raw message

	// Payload is valid until the handler returns; one that keeps it must copy it.
	Payload []byte
}
