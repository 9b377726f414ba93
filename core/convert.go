package core

import (
	"github.com/hisock/hisock/core/internal/convert"
)

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
	if hasLegacy && c != nil && c.legacy.abbreviates(payload) {
		if v, ok := abbreviated[T](payload); ok {
			return v, nil
		}
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
