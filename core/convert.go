package core

import (
	"context"

	"github.com/hisock/hisock/core/internal/convert"
)

// On registers f as the handler of a command, on a server or a client. c is the connection
// over which the command came. T says how the payload is converted to in. A value that is sent
// becomes a payload by the same rules:
//
//	[]byte                       as it is, valid until f returns
//	string                       text, which must be valid UTF-8
//	integers, floats             decimal text: no "0x10", "1_0", "Inf" or "NaN", no "1.0" as an integer
//	bool                         true or false, True or False, 1 or 0
//	struct{}                     nothing; any payload is ignored
//	encoding.TextUnmarshaler     by its methods, and if there are none by those of BinaryUnmarshaler
//	everything else              by the codec of the options, which is JSON unless another is given
//
// There may be white space around numbers and bools.
//
// A named type, such as type Name string or type Picture []byte, travels as the type beneath
// its name, unless it has methods for text, binary or JSON. A type with methods for JSON is the
// codec's, such as json.RawMessage. Methods of the pointer count for the value too: a big.Int, a
// *big.Int and a **big.Int are all the same text. A type with both methods of a pair, to marshal and to unmarshal, uses
// that pair before a single method of another.
//
// A pointer travels as the value that it points to, and On makes such a value for a T that is a pointer. A nil pointer
// is an empty payload, as nil is, and an empty payload is a nil pointer: so a pointer to an empty text or to empty
// bytes arrives as nil. JSON's null is nil as well for pointers to numbers and bools, and for the codec's types.
// An interface travels as the value that it holds. The payload does not say which type that was: On
// gives the payload to the codec, which makes of JSON what it can if T is any, and fails if T is fmt.Stringer.
//
// A browser build has neither JSON nor package reflect. It does not see the type beneath a name or a
// pointer, except for pointers to []byte, string, bool, int, int64, uint64
// and float64. All such types are the codec's there, and need a codec in the options.
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

// OnMessage registers f as the catch-all, as the method of that name does, for programs whose payloads
// are all of one type. The payload is converted as [On] says.
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

// Handle registers f as the handler of a call. The result of f is the answer. In is converted
// as [On] says, Out the other way. ctx ends also when the caller gives up.
//
// If f returns an [Error], its code, message, RetryAfter and Details are the caller's answer.
// Any other error reaches the caller only as [CodeInternal], and is logged here. So does an answer
// that does not convert, such as a float that is not a number, and an error of f which says that a value of f's own
// could not be sent, or that an answer to f could not be read. The error hook here is told too.
// f may call back on the same connection.
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
// [On] says; struct{} as Out takes any answer. Call fails as [Conn.CallBytes] does, and
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

// On2 is [On] for a command that carries two values, each of a type of its own. The payload is
// a list in the codec's format, such as an array in JSON. The sender gives a slice:
//
//	core.On2(srv, "move", func(ctx context.Context, c *core.Conn, who string, steps int) error {
//		return srv.All().Send("moved", []any{who, steps})
//	})
//	err := client.Send("move", []any{"ada", 3})
//
// The values are converted by the codec, not by the rules of On. A list that is longer or
// shorter does not convert; JSON's null leaves the zero value. A codec other than JSON must be a
// [ListCodec], or fill the pointers that it finds in a slice. Otherwise
// the command fails with [CodeUnsupported]. A codec that is no ListCodec converts all of a list
// that is too long: [MaxPayload] bounds the time and memory for it.
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

// A Codec converts values that are not text, numbers or bytes. It is used by many
// goroutines at once.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// A ListCodec is a [Codec] that need not convert a list to count it. [On2] and [On3] ask such a
// codec, as the one for JSON is, so that nothing is allocated for elements that nobody wants.
type ListCodec interface {
	Codec

	// UnmarshalList converts the elements of a list to what the pointers of into point to, and
	// returns how many elements there are. It converts nothing, and returns any number above
	// len(into), if there are more than that; it should stop at the first of them.
	UnmarshalList(data []byte, into []any) (n int, err error)
}

// encode makes a payload of a value, as [On] says. An error is notSendable.
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

// taken makes a value of a payload that has come over c, which may be nil.
func taken[T any](from convert.Intake[T], c *Conn, codec convert.Codec, payload []byte) (T, error) {
	if v, ok := abbreviated[T](c, payload); ok {
		return v, nil
	}
	v, err := from.Take(codec, payload)
	return v, unreadable(err)
}

// decoded is taken for a single payload.
func decoded[T any](codec convert.Codec, payload []byte) (T, error) {
	v, err := convert.Decode[T](codec, payload)
	return v, unreadable(err)
}

// decodeList makes values of a payload that is a list.
func decodeList(codec convert.Codec, payload []byte, into ...any) error {
	return unreadable(convert.List(codec, payload, into...))
}

// unreadable is why a payload does not convert, or nil.
func unreadable(err error) error {
	if err == nil {
		return nil
	}
	return badPayload("the payload does not convert", err)
}

// notSendable is why a value of this side does not convert.
func notSendable(err error) error { return blameless(badPayload("the value does not convert", err)) }

// badPayload is an error with that message and with err as its cause, unless err is one that says all.
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

// blameless is a copy of an error of this package for which no caller of this side is to blame.
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
