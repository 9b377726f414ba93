// Package shape says how the values of a type travel: by their methods, as the string, number or
// bytes that they are, or by a codec. Types are looked at once, and what was found is kept.
//
// Pointers are followed, as package json does. A type counts as having the methods of its pointer,
// so that a value and a pointer to it travel the same way. Methods for text come before methods for
// binary, and a pair of methods, there and back, before a method that has no other. A type with a
// method for JSON and none of these is the codec's.
package shape

import (
	"encoding"
	"reflect"
	"sync"
)

// A Way is how a value travels.
type Way uint8

const (
	Codec  Way = iota // by the codec
	Text              // by its methods for text
	Binary            // by its methods for binary
	Basic             // as the basic type that it is beneath its name
	Any               // as what it holds: it is an interface
)

// A Shape is how the values of a type travel. It does not change.
type Shape struct {
	Out, In Way // there, and back

	pointers int          // how many lead to the type that has the way
	basic    reflect.Type // beneath the name, if a way is Basic
	direct   bool         // a value has the methods that Out names, without its pointer
}

// maxPointers is how many pointers are followed. A type may be a pointer to itself.
const maxPointers = 8

var shapes sync.Map // from a reflect.Type to its *Shape

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

// basics are the basic types by their kind.
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

// basicOf returns the basic type beneath a type's name, or nil if it is none: a string, a bool, a
// number, bytes, or a struct without fields.
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

// Bytes reports whether the type is bytes, beneath its name and pointers, and travels as such.
func (s *Shape) Bytes() bool { return s.Out == Basic && s.In == Basic && s.basic == bytesType }

// Value returns what v, which is of the type, travels as: a value with the methods that Out names,
// one of a basic type, whatever its size, or what an interface holds. It is nil if a pointer is nil on the way there.
// The codec takes v as it is.
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

// Target returns where what arrives for v goes to, which is a pointer to a value of the type: a
// pointer with the methods that In names, or one to a basic type. The pointers on the way are made.
// The codec takes v as it is, and so does an interface.
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
		r = reflect.NewAt(s.basic, r.UnsafePointer()) // which Convert would take longer for
	}
	return r.Interface()
}

// basicOfValue returns a value of a basic type that travels as r does, which is one beneath its name.
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

// Nil reports whether payload stands for a pointer or an interface of the type that is nil: if it is
// empty, and for a number or a bool also if it is JSON's null, which cannot be one.
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
