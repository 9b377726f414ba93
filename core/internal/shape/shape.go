// Package shape says how the values of a type are converted to payloads and back: by methods of the type, as a basic type
// such as a string, or by a codec. Each type is examined once, and the result is kept.
//
// Pointers are followed, as in package json. A type counts as having the methods of its pointer, so that a value and a
// pointer to it are converted alike. Methods for text come before methods for binary. A pair of methods, one for each
// direction, comes before a single method. A type that has a method for JSON, and no method for text or binary, is left
// to the codec.
package shape

import (
	"encoding"
	"reflect"
	"sync"
)

// A Way is how a value is converted.
type Way uint8

const (
	Codec  Way = iota // by the codec
	Text              // by the type's methods for text
	Binary            // by the type's methods for binary
	Basic             // as the basic type that is the underlying type
	Any               // as the value that the interface holds
)

// A Shape is how the values of a type are converted. It does not change.
type Shape struct {
	Out, In Way // to a payload, and from a payload

	pointers int          // number of pointers from the type to the type that has the way
	basic    reflect.Type // the underlying basic type, if Out or In is Basic
	direct   bool         // the value itself, not only its pointer, has the method for Out
}

// maxPointers bounds the pointers that are followed, since a type may be a pointer to itself.
const maxPointers = 8

var shapes sync.Map // from reflect.Type to *Shape

// Of returns the shape of a type.
func Of(t reflect.Type) *Shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*Shape)
	}
	s, _ := shapes.LoadOrStore(t, look(t))
	return s.(*Shape)
}

var (
	textMarshaler     = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler   = reflect.TypeFor[encoding.TextUnmarshaler]()
	binaryMarshaler   = reflect.TypeFor[encoding.BinaryMarshaler]()
	binaryUnmarshaler = reflect.TypeFor[encoding.BinaryUnmarshaler]()
	jsonMarshaler     = reflect.TypeFor[interface{ MarshalJSON() ([]byte, error) }]()
	jsonUnmarshaler   = reflect.TypeFor[interface{ UnmarshalJSON([]byte) error }]()
)

func look(t reflect.Type) *Shape {
	s := &Shape{}
	for t.Kind() == reflect.Pointer {
		if s.pointers++; s.pointers > maxPointers {
			return &Shape{}
		}
		t = t.Elem()
	}
	if t.Kind() == reflect.Interface {
		s.Out, s.In = Any, Any
		return s
	}
	p := reflect.PointerTo(t)
	if !p.Implements(jsonMarshaler) && !p.Implements(jsonUnmarshaler) {
		if s.basic = basicOf(t); s.basic != nil {
			s.Out, s.In = Basic, Basic
		}
	}
	text, fromText := p.Implements(textMarshaler), p.Implements(textUnmarshaler)
	binary, fromBinary := p.Implements(binaryMarshaler), p.Implements(binaryUnmarshaler)
	s.direct = t.Implements(textMarshaler)
	if !text || !fromText && binary && fromBinary {
		s.direct = t.Implements(binaryMarshaler)
	}
	switch {
	case text && fromText:
		s.Out, s.In = Text, Text
		return s
	case binary && fromBinary:
		s.Out, s.In = Binary, Binary
		return s
	}
	switch {
	case text:
		s.Out = Text
	case binary:
		s.Out = Binary
	}
	switch {
	case fromText:
		s.In = Text
	case fromBinary:
		s.In = Binary
	}
	return s
}

// basics maps a kind to its basic type.
var basics = map[reflect.Kind]reflect.Type{
	reflect.String:  reflect.TypeFor[string](),
	reflect.Bool:    reflect.TypeFor[bool](),
	reflect.Int:     reflect.TypeFor[int](),
	reflect.Int8:    reflect.TypeFor[int8](),
	reflect.Int16:   reflect.TypeFor[int16](),
	reflect.Int32:   reflect.TypeFor[int32](),
	reflect.Int64:   reflect.TypeFor[int64](),
	reflect.Uint:    reflect.TypeFor[uint](),
	reflect.Uint8:   reflect.TypeFor[uint8](),
	reflect.Uint16:  reflect.TypeFor[uint16](),
	reflect.Uint32:  reflect.TypeFor[uint32](),
	reflect.Uint64:  reflect.TypeFor[uint64](),
	reflect.Float32: reflect.TypeFor[float32](),
	reflect.Float64: reflect.TypeFor[float64](),
}

var (
	bytesType   = reflect.TypeFor[[]byte]()
	nothingType = reflect.TypeFor[struct{}]()
)

// basicOf returns the basic type that underlies t: a string, a bool, a number, bytes, or a struct without fields. It
// returns nil if t has another underlying type.
func basicOf(t reflect.Type) reflect.Type {
	switch t.Kind() {
	case reflect.Slice:
		if t.Elem() == bytesType.Elem() {
			return bytesType
		}
		return nil
	case reflect.Struct:
		if t.NumField() == 0 {
			return nothingType
		}
		return nil
	}
	return basics[t.Kind()]
}

// Bytes reports whether the type is bytes, perhaps behind pointers and a name, and is converted as bytes.
func (s *Shape) Bytes() bool { return s.Out == Basic && s.In == Basic && s.basic == bytesType }

// Value returns the value to convert in place of v, which has the shape's type: a value with the methods for Out, a
// value of a basic type, whose size in bits may differ, or the value that an interface holds. If Out is Codec, it is v.
// If a pointer on the way is nil, Value returns nil.
func (s *Shape) Value(v any) any {
	if s.Out == Codec || s.Out != Basic && s.pointers == 0 && s.direct {
		return v
	}
	r := reflect.ValueOf(v)
	for range s.pointers {
		if r.IsNil() {
			return nil
		}
		r = r.Elem()
	}
	switch s.Out {
	case Basic:
		return basicOfValue(r)
	case Any:
		return r.Interface()
	}
	if !r.CanAddr() {
		p := reflect.New(r.Type())
		p.Elem().Set(r)
		r = p.Elem()
	}
	return r.Addr().Interface()
}

// Target returns the pointer to decode into, for v, which points to a value of the shape's type: a pointer with the
// methods for In, or a pointer to a basic type. It makes the pointers on the way. If In is Codec or Any, the result is
// v.
func (s *Shape) Target(v any) any {
	if s.In == Codec || s.In == Any {
		return v
	}
	r := reflect.ValueOf(v)
	for range s.pointers {
		r = r.Elem()
		r.Set(reflect.New(r.Type().Elem()))
	}
	r = r.Elem().Addr() // a pointer type with a name has no methods
	if s.In == Basic {
		r = reflect.NewAt(s.basic, r.UnsafePointer()) // faster than Convert
	}
	return r.Interface()
}

// basicOfValue returns a value of a basic type that converts to the same payload as r. The underlying type of r is basic.
func basicOfValue(r reflect.Value) any {
	switch k := r.Kind(); {
	case k == reflect.String:
		return r.String()
	case k == reflect.Bool:
		return r.Bool()
	case r.CanInt():
		return r.Int()
	case r.CanUint():
		return r.Uint()
	case k == reflect.Float32:
		return float32(r.Float())
	case k == reflect.Float64:
		return r.Float()
	case k == reflect.Slice:
		return r.Bytes()
	}
	return struct{}{}
}

// Nil reports whether the payload stands for a nil pointer or interface of the type. An empty payload does. For a
// pointer to a basic type other than text and bytes, JSON's null does too.
func (s *Shape) Nil(payload []byte) bool {
	if s.pointers == 0 && s.In != Any {
		return false
	}
	if len(payload) == 0 {
		return true
	}
	if s.In != Basic || s.basic == bytesType || s.basic.Kind() == reflect.String {
		return false
	}
	return string(payload) == "null"
}
