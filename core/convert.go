package core

import (
	"context"

	"github.com/hisock/hisock/core/internal/convert"
)

// On registers f as the handler of a command, on a server or a client. c is the connection
// over which the command came. T says how the payload is converted to in. [Sender] converts a value to a payload by the
// same rules:
//
//	[]byte                       as it is, valid until f returns
//	string                       text, which must be valid UTF-8
//	integers, floats             decimal text: no "0x10", "1_0", "Inf" or "NaN", no "1.0" as an integer
//	bool                         true or false, True or False, 1 or 0
//	struct{}                     nothing; any payload is ignored
//	encoding.TextUnmarshaler     by its methods; a type without them, by the methods of BinaryUnmarshaler
//	everything else              by the codec of the options, which is JSON unless another is given
//
// White space around numbers and bools is ignored.
//
// A named type, such as type Name string or type Picture []byte, travels as its underlying
// type, unless it has methods for text, binary or JSON. A type with methods for JSON, such as json.RawMessage, is
// converted by the codec. Methods of the pointer count for the value too: a big.Int, a
// *big.Int and a **big.Int are all the same text. A type may have both methods of one pair, to marshal and to unmarshal,
// and a single method of another pair: then the full pair is used.
//
// A pointer travels as the value that it points to, and On makes such a value if T is a pointer. nil and a nil pointer
// become an empty payload, and an empty payload becomes a nil pointer: so a pointer to an empty text or to empty
// bytes arrives as nil. JSON's null becomes nil as well for pointers to numbers and bools, and for types that the codec
// converts. An interface travels as the value that it holds. The payload does not say which type that was: On
// gives the payload to the codec, which makes of JSON what it can if T is any, and fails if T is fmt.Stringer.
//
// A browser build has neither JSON nor package reflect. It does not see the type beneath a name or a
// pointer, except for pointers to []byte, string, bool, int, int64, uint64
// and float64. All other named types and pointers are converted by the codec there, which the options must have.
//
// A payload that does not convert goes to the error hook, and an error that f returns too; the
// connection goes on. The handlers of one connection run one at a time in the order in
// which their frames arrive, except for [Concurrent] handlers. The handlers of different connections run
// side by side. A panic is recovered and logged.
//
// Handlers are registered before the first Serve or Connect. On panics if it is called later, if
// the name is not well formed or is reserved for an event, if the command has a handler already, or if f is nil.
func On[T any](r Registrar, command string, f func(ctx context.Context, c *Conn, in T) error, opts ...HandlerOption) {
	needFunc("On "+command, f == nil)
	hs, intake := r.registrar(), convert.IntakeOf[T]()
	hs.addCommand(command, func(ctx context.Context, c *Conn, fr Frame) ([]byte, error) {
		in, err := taken(intake, c, hs.conv, fr.Payload)
		if err != nil {
			return nil, err
		}
		return nil, f(ctx, c, in)
	}, opts)
}

// OnMessage registers f as the message handler, as the method OnMessage of [Server] and [Client] does, for programs
// whose payloads are all of one type. The payload is converted as [On] says.
func OnMessage[T any](r Registrar, f func(ctx context.Context, c *Conn, in T) error, opts ...HandlerOption) {
	needFunc("OnMessage", f == nil)
	hs, intake := r.registrar(), convert.IntakeOf[T]()
	hs.OnMessage(func(ctx context.Context, c *Conn, fr Frame) error {
		in, err := taken(intake, c, hs.conv, fr.Payload)
		if err != nil {
			return err
		}
		return f(ctx, c, in)
	}, opts...)
}

// Handle registers f as the handler of a call. The result of f is the answer. The payload is converted to In,
// and the result to a payload, as [On] says. ctx ends with the connection, and when the caller gives up.
//
// If f returns an [Error], the caller gets its code, message, RetryAfter and Details.
// Any other error reaches the caller only as [CodeInternal], and is logged here. The same holds for three failures for
// which the caller is not to blame: the answer does not convert, such as a float that is not a number; f returns the
// error of a send whose value does not convert; f returns the error of a call whose answer does not convert. In these
// three cases the error hook here is told too. f may call back on the same connection.
func Handle[In, Out any](r Registrar, command string, f func(ctx context.Context, c *Conn, in In) (Out, error), opts ...HandlerOption) {
	needFunc("Handle "+command, f == nil)
	hs, intake := r.registrar(), convert.IntakeOf[In]()
	hs.addCall(command, func(ctx context.Context, c *Conn, fr Frame) ([]byte, error) {
		in, err := taken(intake, c, hs.conv, fr.Payload)
		if err != nil {
			return nil, err
		}
		out, err := f(ctx, c, in)
		if err != nil {
			return nil, err
		}
		return encodeAnswer(hs.conv, out)
	}, opts)
}

// Call calls command at the peer and waits for the answer. in and the answer are converted as
// [On] says; struct{} as Out ignores the answer. Call fails as [Conn.CallBytes] does, and
// with [CodeBadPayload] if a value does not convert.
func Call[Out any](ctx context.Context, to Caller, command string, in any) (Out, error) {
	var none Out
	if to == nil {
		return none, NewError(CodeNotConnected, "there is nobody to call")
	}
	payload, err := encode(to.codec(), in)
	if err != nil {
		return none, err
	}
	reply, err := to.CallBytes(ctx, command, payload)
	if err != nil {
		return none, err
	}
	out, err := decoded[Out](to.codec(), reply)
	if err != nil {
		return none, blameless(err)
	}
	return out, nil
}

// On2 is [On] for a command that carries two values of different types. The payload is
// a list in the codec's format, such as an array in JSON. The sender gives a slice:
//
//	core.On2(srv, "move", func(ctx context.Context, c *core.Conn, who string, steps int) error {
//		return srv.All().Send("moved", []any{who, steps})
//	})
//	err := client.Send("move", []any{"ada", 3})
//
// The codec converts the values, not the rules of On. A list of another length
// does not convert; JSON's null becomes the zero value. A codec other than JSON must be a
// [ListCodec], or fill the pointers that it finds in a slice. Otherwise
// the command fails with [CodeUnsupported]. A codec that is no ListCodec converts the whole of a list
// that is too long: [MaxPayload] bounds the time and memory for that.
func On2[A, B any](r Registrar, command string, f func(ctx context.Context, c *Conn, first A, second B) error, opts ...HandlerOption) {
	needFunc("On2 "+command, f == nil)
	hs := r.registrar()
	hs.addCommand(command, func(ctx context.Context, c *Conn, fr Frame) ([]byte, error) {
		var first A
		var second B
		if err := decodeList(hs.conv, fr.Payload, &first, &second); err != nil {
			return nil, err
		}
		return nil, f(ctx, c, first, second)
	}, opts)
}

// On3 is [On2] for three values.
func On3[A, B, C any](r Registrar, command string, f func(ctx context.Context, c *Conn, first A, second B, third C) error, opts ...HandlerOption) {
	needFunc("On3 "+command, f == nil)
	hs := r.registrar()
	hs.addCommand(command, func(ctx context.Context, c *Conn, fr Frame) ([]byte, error) {
		var first A
		var second B
		var third C
		if err := decodeList(hs.conv, fr.Payload, &first, &second, &third); err != nil {
			return nil, err
		}
		return nil, f(ctx, c, first, second, third)
	}, opts)
}

// A Codec converts values that are not text, numbers or bytes; see [On]. It is used by many
// goroutines at once.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// A ListCodec is a [Codec] that can count the elements of a list before it converts them. [On2] and [On3] use
// UnmarshalList of such a codec, so that nothing is allocated for elements beyond the expected ones. The codec for JSON
// is a ListCodec.
type ListCodec interface {
	Codec

	// UnmarshalList stores the elements of a list in the values that the pointers of into point to, and
	// returns the number of elements. If there are more than len(into), it converts nothing and returns any number above
	// len(into); it should stop counting there.
	UnmarshalList(data []byte, into []any) (n int, err error)
}

// encode converts a value to a payload, as [On] says. An error is one that notSendable returns.
func encode(codec convert.Codec, v any) ([]byte, error) {
	payload, err := convert.Encode(codec, v)
	if err != nil {
		return nil, notSendable(err)
	}
	return payload, nil
}

// encodeAnswer is encode for the result of a handler of a call. It does not allocate the interface of
// a basic type, which convert.Basic does not keep.
func encodeAnswer[T any](codec convert.Codec, v T) ([]byte, error) {
	payload, known, err := convert.Basic(v)
	if !known {
		payload, err = convert.Other(codec, v)
	}
	if err == nil {
		return payload, nil
	}
	return nil, &Error{Code: CodeInternal, Message: "the answer does not convert", cause: notSendable(err), blameless: true}
}

// taken converts a payload that has come over c to a value. c may be nil. For a basic type, a call costs as much as
// the conversion: so all but the conversion can be inlined here.
func taken[T any](from convert.Intake[T], c *Conn, codec convert.Codec, payload []byte) (T, error) {
	if hasLegacy && c != nil && c.legacy != nil && c.legacy.Abbreviates(payload) {
		if v, ok := expanded[T](payload); ok {
			return v, nil
		}
	}
	v, known, err := convert.TakeBasic[T](payload)
	if !known {
		v, err = from.TakeOther(codec, payload)
	}
	return v, unreadable(err)
}

// decoded converts one payload to a value, without an intake that is made once for all.
func decoded[T any](codec convert.Codec, payload []byte) (T, error) {
	v, err := convert.Decode[T](codec, payload)
	return v, unreadable(err)
}

// decodeList converts a payload that is a list to the values that the pointers of into point to.
func decodeList(codec convert.Codec, payload []byte, into ...any) error {
	return unreadable(convert.List(codec, payload, into...))
}

// unreadable returns the error for a payload that does not convert, or nil if err is nil.
func unreadable(err error) error {
	if err == nil {
		return nil
	}
	return badPayload("the payload does not convert", err)
}

// notSendable returns the error for a value of this side that does not convert.
func notSendable(err error) error { return blameless(badPayload("the value does not convert", err)) }

// badPayload returns an error with that message and with err as its cause, unless err has a code and a text of its own.
func badPayload(message string, err error) *Error {
	if f, ok := err.(*convert.Fault); ok {
		if f.Unsupported {
			return NewError(CodeUnsupported, f.Text)
		}
		return NewError(CodeBadPayload, f.Text)
	}
	if e, ok := asCoded(err); ok && e != nil {
		return e
	}
	return wrapError(CodeBadPayload, message, err)
}

// blameless returns a copy of an error of this package that says that no caller of this side is to blame.
func blameless(err error) error {
	e, ok := err.(*Error)
	if !ok || e == nil {
		return err
	}
	b := *e
	b.blameless = true
	return &b
}

func isBlameless(err error) bool {
	e, ok := find[*Error](err)
	return ok && e != nil && e.blameless
}
