//go:build !js

package convert

import (
	"encoding"
	"reflect"

	"github.com/hisock/hisock/core/internal/shape"
)

// Other is Encode for everything but the basic types.
func Other(codec Codec, v any) ([]byte, error) {
	const maxHeld = 8 // an interface may hold an interface, perhaps itself
	for range maxHeld {
		s := shape.Of(reflect.TypeOf(v))
		if s.Out == shape.Codec {
			break
		}
		to := s.Value(v)
		switch s.Out {
		case shape.Text:
			if m, ok := to.(encoding.TextMarshaler); ok {
				return m.MarshalText()
			}
			return nil, nil
		case shape.Binary:
			if m, ok := to.(encoding.BinaryMarshaler); ok {
				return m.MarshalBinary()
			}
			return nil, nil
		}
		if payload, known, err := Basic(to); known {
			return payload, err
		}
		v = to
	}
	return codec.Marshal(v)
}

// A conversion has the shape of a type.
type conversion struct{ *shape.Shape }

func conversionOf[T any]() conversion { return conversion{shape.Of(reflect.TypeFor[T]())} }

// decode converts a payload to the value to which v points. The value has the conversion's type, which is not a basic
// type.
func (how conversion) decode(codec Codec, payload []byte, v any) error {
	if how.Nil(payload) {
		return nil
	}
	to := how.Target(v)
	switch how.In {
	case shape.Text:
		if u, ok := to.(encoding.TextUnmarshaler); ok {
			return u.UnmarshalText(payload)
		}
	case shape.Binary:
		if u, ok := to.(encoding.BinaryUnmarshaler); ok {
			return u.UnmarshalBinary(payload)
		}
	case shape.Basic:
		_, err := decodeBasic(payload, to)
		return err
	}
	return codec.Unmarshal(payload, v)
}

// Bytes returns v as bytes, if v is a []byte, a named type of one, or a pointer to one.
func Bytes(v any) ([]byte, bool) {
	if v == nil {
		return nil, false
	}
	if s := shape.Of(reflect.TypeOf(v)); s.Bytes() {
		b, _ := s.Value(v).([]byte)
		return b, true
	}
	return nil, false
}

// BytesIn returns a pointer to the []byte in the value to which v points. It makes the pointers on the way to the []byte.
// If the value has another type, BytesIn returns nil.
func BytesIn(v any) *[]byte {
	s := shape.Of(reflect.TypeOf(v).Elem())
	if !s.Bytes() {
		return nil
	}
	b, _ := s.Target(v).(*[]byte)
	return b
}
