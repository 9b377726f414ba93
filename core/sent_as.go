package core

import "context"

// A ValueKind is what kind of value a peer says that it has sent. Only clients and servers of 3.0a say
// so; what they send is converted by the handler's type all the same, see [On].
type ValueKind uint8

const (
	ValueUnknown ValueKind = iota // the peer's protocol does not say
	ValueNone                     // nothing: None in Python
	ValueBytes
	ValueText
	ValueInteger
	ValueFloat
	ValueList
	ValueTuple // which comes as a list
	ValueMap
)

// String returns the kind in lower case, such as "integer".
func (v ValueKind) String() string {
	switch v {
	case ValueUnknown:
		return "unknown"
	case ValueNone:
		return "none"
	case ValueBytes:
		return "bytes"
	case ValueText:
		return "text"
	case ValueInteger:
		return "integer"
	case ValueFloat:
		return "float"
	case ValueList:
		return "list"
	case ValueTuple:
		return "tuple"
	case ValueMap:
		return "map"
	}
	return "unknown kind of value"
}

type sentAsKey struct{}

// SentAs returns what kind of value the peer has sent that is being handled. ctx is the context of the
// handler, or of middleware.
func SentAs(ctx context.Context) ValueKind {
	v, _ := ctx.Value(sentAsKey{}).(ValueKind)
	return v
}
