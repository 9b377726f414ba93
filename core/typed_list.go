package core

import (
	"context"
	"strconv"
)

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
