package convert

import (
	"encoding"

	"github.com/hisock/hisock/core/internal/safe"
)

// A browser build leaves out package reflect, which would make it larger. So it follows only pointers to basic types, and
// does not know the underlying type of a named type. The codec converts such values, as the comment of core.On says.

// Other is Encode for everything but the basic types.
func Other(codec Codec, v any) (payload []byte, err error) {
	defer func() { // the method of a nil pointer may panic
		if r := recover(); r != nil {
			payload, err = nil, &Fault{Text: "its method panicked: " + safe.Panic(r)}
		}
	}()
	switch v := v.(type) {
	case *[]byte:
		return encodeAt(v)
	case *string:
		return encodeAt(v)
	case *bool:
		return encodeAt(v)
	case *int:
		return encodeAt(v)
	case *int64:
		return encodeAt(v)
	case *uint64:
		return encodeAt(v)
	case *float64:
		return encodeAt(v)
	case encoding.TextMarshaler:
		return v.MarshalText()
	case encoding.BinaryMarshaler:
		return v.MarshalBinary()
	}
	return codec.Marshal(v)
}

func encodeAt[T any](v *T) (payload []byte, err error) {
	if v == nil {
		return nil, nil
	}
	payload, _, err = Basic(*v)
	return payload, err
}

type conversion struct{}

func conversionOf[T any]() conversion { return conversion{} }

// decode converts a payload to the value to which v points. The value does not have a basic type.
func (conversion) decode(codec Codec, payload []byte, v any) error {
	switch v := v.(type) {
	case *any:
		if len(payload) == 0 {
			return nil
		}
	case **[]byte:
		return decodeAt(payload, v, "")
	case **string:
		return decodeAt(payload, v, "")
	case **bool:
		return decodeAt(payload, v, null)
	case **int:
		return decodeAt(payload, v, null)
	case **int64:
		return decodeAt(payload, v, null)
	case **uint64:
		return decodeAt(payload, v, null)
	case **float64:
		return decodeAt(payload, v, null)
	case encoding.TextUnmarshaler:
		_, there := v.(encoding.TextMarshaler)
		if b, ok := v.(encoding.BinaryUnmarshaler); ok && !there {
			if _, there = v.(encoding.BinaryMarshaler); there {
				return b.UnmarshalBinary(payload)
			}
		}
		return v.UnmarshalText(payload)
	case encoding.BinaryUnmarshaler:
		return v.UnmarshalBinary(payload)
	}
	return codec.Unmarshal(payload, v)
}

const null = "null" // in JSON

// decodeAt makes *v point to a new value converted from the payload. If the payload is empty or equals none, *v stays
// nil.
func decodeAt[T any](payload []byte, v **T, none string) error {
	if len(payload) == 0 || string(payload) == none {
		return nil
	}
	at := new(T)
	_, err := decodeBasic(payload, at)
	if err == nil {
		*v = at
	}
	return err
}

// Bytes returns v as bytes, if it is a []byte.
func Bytes(v any) ([]byte, bool) {
	b, ok := v.([]byte)
	return b, ok
}

// BytesIn returns v, if it points to a []byte.
func BytesIn(v any) *[]byte {
	b, _ := v.(*[]byte)
	return b
}
