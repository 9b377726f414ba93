package core

import (
	"context"
	"strconv"
)

// On registers f as the handler of a command, at a server or a client. c is the connection
// it came over, at a client the one to the server. T says how the payload is
// converted, and how a value that is sent becomes one:
//
//	[]byte                       as it is, valid until f returns
//	string                       text, which must be valid UTF-8
//	integers, floats             decimal text: no "0x10", "1_0", "Inf" or "NaN", no "1.0" as an integer
//	bool                         true or false, True or False, 1 or 0
//	struct{}                     nothing; whatever comes is ignored
//	encoding.TextUnmarshaler     by its methods; else so is BinaryUnmarshaler
//	everything else              the codec of the options, JSON unless another is given
//
// Around numbers and bools there may be white space.
//
// A type with a name, such as type Name string or type Picture []byte, travels as the type beneath
// it, unless it has methods: those for text or binary, or those for JSON, with which it is the
// codec's, as json.RawMessage is. Methods of the pointer count for the value too: a big.Int, a
// *big.Int and a **big.Int are all the same text. A pair of methods, there and back, comes before a
// method that has no other.
//
// A pointer travels as what it points to, and On makes what T points to. A nil pointer is an empty
// payload, as nil is, and an empty payload a nil pointer: what points to an empty text or to empty
// bytes arrives as nil. For pointers to numbers and bools, and for the codec's types, JSON's null is
// nil as well. An interface travels as what it holds, and nothing that arrives says what that was: On
// gives it to the codec, which makes of JSON what it can for any, and nothing for fmt.Stringer.
//
// A browser build has neither JSON nor package reflect: what is beneath a name or behind a
// pointer it does not see, except for pointers to []byte, string, bool, int, int64, uint64
// and float64. There everything of that sort is the codec's, and needs one in the options.
//
// A payload that does not convert, and an error that f returns, go to the error hook; the
// connection goes on. The handlers of one connection run one at a time in the order in
// which things arrive, except for [Concurrent] ones; those of different connections run
// side by side. A panic is recovered and logged.
//
// Handlers are registered before the first Serve or Connect. On panics if it is later, if
// the name is not well formed or reserved for an event, if it has a handler already, or if f is nil.
func On[T any](r Registrar, command string, f func(ctx context.Context, c *Conn, in T) error, opts ...HandlerOption) {
	needFunc("On "+command, f == nil)
	hs, intake := r.registrar(), intakeOf[T]()
	hs.addCommand(command, func(ctx context.Context, c *Conn, fr Frame) ([]byte, error) {
		in, err := intake.take(c, hs.conv, fr.Payload)
		if err != nil {
			return nil, err
		}
		return nil, f(ctx, c, in)
	}, opts)
}

// OnMessage registers f as the catch-all, as the method of that name does, for programs that
// have one idea of what a payload is: it is converted as [On] says.
func OnMessage[T any](r Registrar, f func(ctx context.Context, c *Conn, in T) error, opts ...HandlerOption) {
	needFunc("OnMessage", f == nil)
	hs, intake := r.registrar(), intakeOf[T]()
	hs.OnMessage(func(ctx context.Context, c *Conn, fr Frame) error {
		in, err := intake.take(c, hs.conv, fr.Payload)
		if err != nil {
			return err
		}
		return f(ctx, c, in)
	}, opts...)
}

// Handle registers f as the handler of a call: what it returns is the answer. In is converted
// as [On] says, Out the other way. ctx ends also when the caller gives up.
//
// If f returns an [Error], its code, message, RetryAfter and Details are the caller's answer;
// any other error reaches the caller only as [CodeInternal], and is logged here. So does an answer
// that does not convert, such as a float that is not a number, and an error of f that says that
// a value could not be sent, or an answer to f not be read: the error hook here is told too.
// f may call back on the same connection.
func Handle[In, Out any](r Registrar, command string, f func(ctx context.Context, c *Conn, in In) (Out, error), opts ...HandlerOption) {
	needFunc("Handle "+command, f == nil)
	hs, intake := r.registrar(), intakeOf[In]()
	hs.addCall(command, func(ctx context.Context, c *Conn, fr Frame) ([]byte, error) {
		in, err := intake.take(c, hs.conv, fr.Payload)
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
// [On] says; struct{} as Out takes any answer. It fails as [Conn.CallBytes] does, and
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
// a list of the codec's, an array in JSON, and the sender gives it as a slice:
//
//	core.On2(srv, "move", func(ctx context.Context, c *core.Conn, who string, steps int) error {
//		return srv.All().Send("moved", []any{who, steps})
//	})
//	err := client.Send("move", []any{"ada", 3})
//
// The values are converted by the codec, not by the rules of On. A list that is longer or
// shorter does not convert; JSON's null leaves the zero value. A codec other than JSON is a
// [ListCodec], or must fill the pointers that it finds in a slice; one that does neither makes
// the command fail with [CodeUnsupported]. A codec that is no ListCodec converts all of a list
// that is too long: [MaxPayload] bounds what that takes.
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

// decodeList converts a payload that is a list to what the elements of into point to.
func decodeList(codec Codec, payload []byte, into ...any) error {
	if lists, ok := codec.(ListCodec); ok {
		n, err := lists.UnmarshalList(payload, into)
		if err == nil && n != len(into) {
			err = wrongLength(n, len(into))
		}
		return unmarshaled(err)
	}
	list := append([]any(nil), into...)
	if err := codec.Unmarshal(payload, &list); err != nil {
		return unmarshaled(err)
	}
	if len(list) != len(into) {
		return wrongLength(len(list), len(into))
	}
	for i, p := range into {
		if list[i] != nil && list[i] != p {
			return NewError(CodeUnsupported, "the codec does not fill the pointers of a list")
		}
	}
	return nil
}

func wrongLength(n, want int) error {
	has := strconv.Itoa(n)
	if n > want {
		has = "more than " + strconv.Itoa(want)
	}
	return NewError(CodeBadPayload, "the payload is a list of "+has+", not of "+strconv.Itoa(want))
}
