package core

import (
	"encoding"
	"strconv"
	"unicode/utf8"

	"github.com/hisock/hisock/core/wire"
)

// encode converts a value to a payload: bytes and text as they are, numbers and bools as
// decimal text, nil and the empty struct as nothing, what marshals itself by its own
// method, everything else by the codec. Text comes before binary, since a browser or a
// Python program at the other end can read it.
func encode(codec Codec, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case struct{}:
		return nil, nil
	case []byte:
		return v, nil
	case string:
		return []byte(v), nil
	case bool:
		return strconv.AppendBool(nil, v), nil
	case int:
		return strconv.AppendInt(nil, int64(v), 10), nil
	case int8:
		return strconv.AppendInt(nil, int64(v), 10), nil
	case int16:
		return strconv.AppendInt(nil, int64(v), 10), nil
	case int32:
		return strconv.AppendInt(nil, int64(v), 10), nil
	case int64:
		return strconv.AppendInt(nil, v, 10), nil
	case uint:
		return strconv.AppendUint(nil, uint64(v), 10), nil
	case uint8:
		return strconv.AppendUint(nil, uint64(v), 10), nil
	case uint16:
		return strconv.AppendUint(nil, uint64(v), 10), nil
	case uint32:
		return strconv.AppendUint(nil, uint64(v), 10), nil
	case uint64:
		return strconv.AppendUint(nil, v, 10), nil
	case float32:
		return strconv.AppendFloat(nil, float64(v), 'g', -1, 32), nil
	case float64:
		return strconv.AppendFloat(nil, v, 'g', -1, 64), nil
	case encoding.TextMarshaler:
		return marshaled(v.MarshalText())
	case encoding.BinaryMarshaler:
		return marshaled(v.MarshalBinary())
	}
	return marshaled(codec.Marshal(v))
}

func marshaled(b []byte, err error) ([]byte, error) {
	if err != nil {
		return nil, badPayload("the value does not convert", err)
	}
	return b, nil
}

// decode converts a payload to what v points to, the other way round from encode. A []byte
// refers to the payload.
func decode(codec Codec, payload []byte, v any) error {
	switch v := v.(type) {
	case *[]byte:
		*v = payload
		return nil
	case *string:
		s, err := text(payload)
		if err == nil {
			*v = s
		}
		return err
	case *struct{}:
		return nil
	case *bool:
		return parse(payload, v, "bool", strconv.ParseBool)
	case *int:
		return parse(payload, v, "int", integer[int](strconv.IntSize))
	case *int8:
		return parse(payload, v, "int8", integer[int8](8))
	case *int16:
		return parse(payload, v, "int16", integer[int16](16))
	case *int32:
		return parse(payload, v, "int32", integer[int32](32))
	case *int64:
		return parse(payload, v, "int64", integer[int64](64))
	case *uint:
		return parse(payload, v, "uint", unsigned[uint](strconv.IntSize))
	case *uint8:
		return parse(payload, v, "uint8", unsigned[uint8](8))
	case *uint16:
		return parse(payload, v, "uint16", unsigned[uint16](16))
	case *uint32:
		return parse(payload, v, "uint32", unsigned[uint32](32))
	case *uint64:
		return parse(payload, v, "uint64", unsigned[uint64](64))
	case *float32:
		return parse(payload, v, "float32", func(s string) (float32, error) {
			f, err := strconv.ParseFloat(s, 32)
			return float32(f), err
		})
	case *float64:
		return parse(payload, v, "float64", func(s string) (float64, error) { return strconv.ParseFloat(s, 64) })
	case encoding.TextUnmarshaler:
		return unmarshaled(v.UnmarshalText(payload))
	case encoding.BinaryUnmarshaler:
		return unmarshaled(v.UnmarshalBinary(payload))
	}
	return unmarshaled(codec.Unmarshal(payload, v))
}

// text returns a payload that is text, as a copy.
func text(payload []byte) (string, error) {
	if !utf8.Valid(payload) {
		return "", NewError(CodeBadPayload, "the payload is not valid UTF-8")
	}
	return string(payload), nil
}

func unmarshaled(err error) error {
	if err == nil {
		return nil
	}
	return badPayload("the payload does not convert", err)
}

// badPayload is err, if it is one of this package's already, or as the cause of one.
func badPayload(message string, err error) *Error {
	if e, ok := find[*Error](err); ok {
		return e
	}
	return wrapError(CodeBadPayload, message, err)
}

// parse converts decimal text, with white space around it if there is any.
func parse[T any](payload []byte, v *T, kind string, f func(string) (T, error)) error {
	got, err := f(string(trim(payload)))
	if err != nil {
		return NewError(CodeBadPayload, "payload "+excerpt(payload)+" is not of type "+kind)
	}
	*v = got
	return nil
}

// trim returns b without the white space around it.
func trim(b []byte) []byte {
	space := func(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }
	for len(b) > 0 && space(b[0]) {
		b = b[1:]
	}
	for len(b) > 0 && space(b[len(b)-1]) {
		b = b[:len(b)-1]
	}
	return b
}

func integer[T int | int8 | int16 | int32 | int64](bits int) func(string) (T, error) {
	return func(s string) (T, error) {
		n, err := strconv.ParseInt(s, 10, bits)
		return T(n), err
	}
}

func unsigned[T uint | uint8 | uint16 | uint32 | uint64](bits int) func(string) (T, error) {
	return func(s string) (T, error) {
		n, err := strconv.ParseUint(s, 10, bits)
		return T(n), err
	}
}

// excerpt quotes the beginning of a payload.
func excerpt(payload []byte) string {
	const most = 32
	if len(payload) > most {
		return wire.Quote(string(payload[:most])) + "…"
	}
	return wire.Quote(string(payload))
}
