package core

import (
	"errors"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/hisock/hisock/core/internal/decimal"
	"github.com/hisock/hisock/core/wire"
)

// encode converts a value to a payload, as [On] says: bytes and text as they are, numbers and
// bools as decimal text, nil and the empty struct as nothing, what marshals itself by its own
// method, everything else by the codec. Text comes before binary, since a browser or a
// Python program at the other end can read it. An error is [notSendable].
func encode(codec Codec, v any) ([]byte, error) {
	if payload, known, err := encodeBasic(v); known {
		return payload, err
	}
	return encodeOther(codec, v)
}

// encodeAnswer is encode for what a handler of a call returns. It does not allocate the interface of
// a basic type, which encodeBasic does not keep.
func encodeAnswer[T any](codec Codec, v T) ([]byte, error) {
	payload, known, err := encodeBasic(v)
	if !known {
		payload, err = encodeOther(codec, v)
	}
	if err == nil {
		return payload, nil
	}
	return nil, &Error{Code: CodeInternal, Message: "the answer does not convert", cause: err, blameless: true}
}

// encodeBasic is encode for nil, basic types and the empty struct. It reports whether v is one.
func encodeBasic(v any) (payload []byte, known bool, err error) {
	switch v := v.(type) {
	case nil:
		return nil, true, nil
	case struct{}:
		return nil, true, nil
	case []byte:
		return v, true, nil
	case string:
		if !utf8.ValidString(v) {
			return nil, true, notSendable(errors.New("the text is not UTF-8"))
		}
		return []byte(v), true, nil
	case bool:
		return strconv.AppendBool(nil, v), true, nil
	case int:
		return appendInt(int64(v)), true, nil
	case int8:
		return appendInt(int64(v)), true, nil
	case int16:
		return appendInt(int64(v)), true, nil
	case int32:
		return appendInt(int64(v)), true, nil
	case int64:
		return appendInt(v), true, nil
	case uint:
		return appendUint(uint64(v)), true, nil
	case uint8:
		return appendUint(uint64(v)), true, nil
	case uint16:
		return appendUint(uint64(v)), true, nil
	case uint32:
		return appendUint(uint64(v)), true, nil
	case uint64:
		return appendUint(v), true, nil
	case float32:
		payload, err = appendFloat(float64(v), 32)
		return payload, true, err
	case float64:
		payload, err = appendFloat(v, 64)
		return payload, true, err
	}
	return nil, false, nil
}

func appendInt(n int64) []byte { return strconv.AppendInt(nil, n, 10) }

func appendUint(n uint64) []byte { return strconv.AppendUint(nil, n, 10) }

func appendFloat(f float64, bits int) ([]byte, error) {
	text := strconv.AppendFloat(nil, f, 'g', -1, bits)
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return nil, notSendable(errors.New(string(text) + " is not a decimal number"))
	}
	return text, nil
}

// marshaled is what a method or a codec made of a value.
func marshaled(b []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, notSendable(err)
	}
	return b, nil
}

// notSendable is why a value of this side does not convert.
func notSendable(err error) error { return blameless(badPayload("the value does not convert", err)) }

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

// decodeBasic converts a payload to what v points to, which is a basic type or the empty struct, the
// other way round from encode. A []byte refers to the payload. It reports whether v is one of
// these. It does not keep v, so that what v points to need not be allocated.
func decodeBasic(payload []byte, v any) (known bool, err error) {
	ok, kind := true, ""
	switch v := v.(type) {
	case *[]byte:
		*v = payload
	case *string:
		if !utf8.Valid(payload) {
			return true, errNotUTF8
		}
		*v = string(payload)
	case *struct{}:
	case *bool:
		kind = "bool"
		*v, ok = decimal.Bool(decimal.Trim(payload))
	case *int:
		kind, ok = "int", decodeInt(payload, v, strconv.IntSize)
	case *int8:
		kind, ok = "int8", decodeInt(payload, v, 8)
	case *int16:
		kind, ok = "int16", decodeInt(payload, v, 16)
	case *int32:
		kind, ok = "int32", decodeInt(payload, v, 32)
	case *int64:
		kind, ok = "int64", decodeInt(payload, v, 64)
	case *uint:
		kind, ok = "uint", decodeUint(payload, v, strconv.IntSize)
	case *uint8:
		kind, ok = "uint8", decodeUint(payload, v, 8)
	case *uint16:
		kind, ok = "uint16", decodeUint(payload, v, 16)
	case *uint32:
		kind, ok = "uint32", decodeUint(payload, v, 32)
	case *uint64:
		kind, ok = "uint64", decodeUint(payload, v, 64)
	case *float32:
		kind, ok = "float32", decodeFloat(payload, v, 32)
	case *float64:
		kind, ok = "float64", decodeFloat(payload, v, 64)
	default:
		return false, nil
	}
	if !ok {
		return true, NewError(CodeBadPayload, "payload "+excerpt(payload)+" is not of type "+kind)
	}
	return true, nil
}

var errNotUTF8 = &Error{Code: CodeBadPayload, Message: "the payload is not valid UTF-8"}

func decodeInt[T int | int8 | int16 | int32 | int64](payload []byte, v *T, bits int) bool {
	n, ok := decimal.Int(decimal.Trim(payload), bits)
	if ok {
		*v = T(n)
	}
	return ok
}

func decodeUint[T uint | uint8 | uint16 | uint32 | uint64](payload []byte, v *T, bits int) bool {
	n, ok := decimal.Uint(decimal.Trim(payload), bits)
	if ok {
		*v = T(n)
	}
	return ok
}

func decodeFloat[T float32 | float64](payload []byte, v *T, bits int) bool {
	f, ok := decimal.Float(decimal.Trim(payload), bits)
	if ok {
		*v = T(f)
	}
	return ok
}

// An intake converts payloads to values of one type. What there is to know of the type it finds out
// once, when it is made.
type intake[T any] struct{ how conversion }

func intakeOf[T any]() intake[T] { return intake[T]{conversionOf[T]()} }

func (i intake[T]) take(c *Conn, codec Codec, payload []byte) (T, error) {
	if hasLegacy && c != nil && c.legacy != nil && c.legacy.Abbreviates(payload) {
		if v, ok := abbreviated[T](payload); ok {
			return v, nil
		}
	}
	if v, known, err := takeBasic[T](payload); known {
		return v, err
	}
	return takeOther[T](i.how, codec, payload)
}

// decoded is take for a single payload.
func decoded[T any](codec Codec, payload []byte) (T, error) {
	if v, known, err := takeBasic[T](payload); known {
		return v, err
	}
	return takeOther[T](conversionOf[T](), codec, payload)
}

// takeBasic allocates no T, since decodeBasic does not keep its address.
func takeBasic[T any](payload []byte) (v T, known bool, err error) {
	known, err = decodeBasic(payload, &v)
	return v, known, err
}

func takeOther[T any](how conversion, codec Codec, payload []byte) (T, error) {
	var v, none T
	if err := how.decode(codec, payload, &v); err != nil {
		return none, err
	}
	return v, nil
}

func unmarshaled(err error) error {
	if err == nil {
		return nil
	}
	return badPayload("the payload does not convert", err)
}

// badPayload is err, if it is one of this package's already, or as the cause of one.
func badPayload(message string, err error) *Error {
	if e, ok := asCoded(err); ok && e != nil {
		return e
	}
	return wrapError(CodeBadPayload, message, err)
}

// excerpt quotes the beginning of a payload.
func excerpt(payload []byte) string {
	const most = 32
	if len(payload) > most {
		return wire.Quote(string(payload[:most])) + "…"
	}
	return wire.Quote(string(payload))
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
