package core

import "context"

// On registers f as the handler of a command, at a server or a client. c is the connection
// it came over, at a client the one to the server. T says how the payload is
// converted:
//
//	[]byte                       as it is, valid until f returns
//	string                       text, which must be valid UTF-8
//	bool, integers, floats       decimal text, white space around it allowed
//	struct{}                     nothing; whatever comes is ignored
//	encoding.TextUnmarshaler     by its method; else so is BinaryUnmarshaler
//	everything else              the codec of the options, JSON unless another is given
//
// A payload that does not convert, and an error that f returns, go to the error hook; the
// connection goes on. The handlers of one connection run one at a time in the order in
// which things arrive, except for [Concurrent] ones; those of different connections run
// side by side. A panic is recovered and logged.
//
// Handlers are registered before the first Serve or Connect. On panics if it is later, if
// the name is not well formed or reserved for an event, or if it has a handler already.
func On[T any](r Registrar, command string, f func(ctx context.Context, c *Conn, in T) error, opts ...HandlerOption) {
	hs := r.registrar()
	get := decoder[T](hs)
	hs.addCommand(command, func(ctx context.Context, c *Conn, fr Frame) ([]byte, error) {
		in, err := get(fr.Payload)
		if err != nil {
			return nil, err
		}
		return nil, f(ctx, c, in)
	}, opts)
}

// OnMessage registers f as the catch-all, as the method of that name does, for programs that
// have one idea of what a payload is: it is converted as [On] says.
func OnMessage[T any](r Registrar, f func(ctx context.Context, c *Conn, in T) error, opts ...HandlerOption) {
	hs := r.registrar()
	get := decoder[T](hs)
	hs.OnMessage(func(ctx context.Context, c *Conn, fr Frame) error {
		in, err := get(fr.Payload)
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
// any other error reaches the caller only as [CodeInternal], and is logged here. f may
// call back on the same connection.
func Handle[In, Out any](r Registrar, command string, f func(ctx context.Context, c *Conn, in In) (Out, error), opts ...HandlerOption) {
	hs := r.registrar()
	get := decoder[In](hs)
	hs.addCall(command, func(ctx context.Context, c *Conn, fr Frame) ([]byte, error) {
		in, err := get(fr.Payload)
		if err != nil {
			return nil, err
		}
		out, err := f(ctx, c, in)
		if err != nil {
			return nil, err
		}
		if b, ok := any(out).([]byte); ok { // without an allocation, as the interface does not leave
			return b, nil
		}
		return encode(hs.conv, out)
	}, opts)
}

// decoder returns what converts payloads to T. That bytes come through as they are, and text as a
// copy, is settled here, once: a variable whose address is given to decode is allocated each time.
func decoder[T any](hs *handlers) func(payload []byte) (T, error) {
	var quick any
	switch any((*T)(nil)).(type) {
	case *[]byte:
		quick = func(payload []byte) ([]byte, error) { return payload, nil }
	case *string:
		quick = text
	}
	if f, ok := quick.(func(payload []byte) (T, error)); ok {
		return f
	}
	return func(payload []byte) (in T, err error) {
		err = decode(hs.conv, payload, &in)
		return in, err
	}
}

// Call calls command at the peer and waits for the answer. in and the answer are converted as
// [On] says; struct{} as Out takes any answer. It fails as [Conn.CallBytes] does, and
// with [CodeBadPayload] if a value does not convert.
func Call[Out any](ctx context.Context, to Caller, command string, in any) (Out, error) {
	var none Out
	payload, err := encode(to.codec(), in)
	if err != nil {
		return none, err
	}
	reply, err := to.CallBytes(ctx, command, payload)
	if err != nil {
		return none, err
	}
	return decoded[Out](to.codec(), reply)
}

// decoded converts a payload to T as decode does, and allocates no T for bytes.
func decoded[T any](codec Codec, payload []byte) (T, error) {
	var bytes T
	if b, ok := any(&bytes).(*[]byte); ok {
		*b = payload
		return bytes, nil
	}
	var other T
	err := decode(codec, payload, &other)
	return other, err
}
