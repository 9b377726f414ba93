package shape

import (
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
)

// Addressable returns v, or a pointer to a copy of v if package json needs an address to find the methods of pointers.
// When json writes, it uses these methods only for a value that has an address, and a struct in an interface has none.
// When it reads, it always uses them. Addressable does the same for the elements of an []any.
func Addressable(v any) any {
	if list, ok := v.([]any); ok {
		return addressableList(list)
	}
	if v == nil || !needsAddress(reflect.TypeOf(v)) {
		return v
	}
	p := reflect.New(reflect.TypeOf(v))
	p.Elem().Set(reflect.ValueOf(v))
	return p.Interface()
}

func addressableList(list []any) []any {
	if list == nil {
		return nil
	}
	all, copied := list, false
	for i, v := range list {
		if v == nil || !needsAddress(reflect.TypeOf(v)) {
			continue
		}
		if !copied {
			all, copied = append([]any(nil), list...), true
		}
		all[i] = Addressable(v)
	}
	return all
}

var (
	needs    sync.Map // results of needsAddress: from reflect.Type to bool
	marshals = []reflect.Type{reflect.TypeFor[json.Marshaler](), reflect.TypeFor[encoding.TextMarshaler]()}
)

// needsAddress reports whether package json uses methods of the pointer to a value of the type, or of the pointer to a
// field or element in the value's memory.
func needsAddress(t reflect.Type) bool {
	if k := t.Kind(); k != reflect.Struct && k != reflect.Array && t.Name() == "" {
		return false
	}
	if n, ok := needs.Load(t); ok {
		return n.(bool)
	}
	n := pointerMethods(t)
	switch {
	case n || t.Implements(marshals[0]) || t.Implements(marshals[1]):
	case t.Kind() == reflect.Array:
		n = needsAddress(t.Elem())
	case t.Kind() == reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			n = n || (f.IsExported() || f.Anonymous) && needsAddress(f.Type)
		}
	}
	needs.Store(t, n)
	return n
}

func pointerMethods(t reflect.Type) bool {
	if t.Kind() == reflect.Interface || t.Kind() == reflect.Pointer {
		return false
	}
	p := reflect.PointerTo(t)
	for _, m := range marshals {
		if p.Implements(m) && !t.Implements(m) {
			return true
		}
	}
	return false
}
