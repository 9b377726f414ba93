// Package convert converts values to payloads and payloads to values. Bytes and text stay as they are, a number is
// decimal text, a bool is "true" or "false", and nil and the empty struct are an empty payload. A type with methods for
// text or binary is converted by its methods, and any other type by a codec. Methods for text come before methods for
// binary, since a browser or a Python program at the other end can read text. The comment of core.On has the rules.
//
// The error of a function is a [Fault] if this package has found the fault. Otherwise it is the error of the codec or of
// the type's method.
package convert

import "strconv"

// A Codec has the methods of core.Codec.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// A ListCodec has the methods of core.ListCodec.
type ListCodec interface {
	Codec
	UnmarshalList(data []byte, into []any) (n int, err error)
}

// A Fault is the reason why a value or a payload does not convert.
type Fault struct {
	Text        string
	Unsupported bool // the codec, or this build, cannot convert the type
}

func (f *Fault) Error() string { return f.Text }

// Encode converts a value to a payload.
func Encode(codec Codec, v any) ([]byte, error) {
	if payload, known, err := Basic(v); known {
		return payload, err
	}
	return Other(codec, v)
}

// An Intake converts payloads to values of type T, which TakeBasic does not know. The type is examined once, when the
// Intake is made.
type Intake[T any] struct{ how conversion }

// IntakeOf returns the Intake for type T.
func IntakeOf[T any]() Intake[T] { return Intake[T]{conversionOf[T]()} }

// TakeOther converts a payload to a value, if TakeBasic does not know T.
func (i Intake[T]) TakeOther(codec Codec, payload []byte) (T, error) {
	return takeOther[T](i.how, codec, payload)
}

// Decode makes a value of a single payload. A []byte refers to the payload.
func Decode[T any](codec Codec, payload []byte) (T, error) {
	if v, known, err := TakeBasic[T](payload); known {
		return v, err
	}
	return takeOther[T](conversionOf[T](), codec, payload)
}

// TakeBasic converts a payload to a value, if T is a basic type or the empty struct, and reports whether it is. A []byte
// refers to the payload. TakeBasic does not allocate a T, since decodeBasic does not keep its address.
func TakeBasic[T any](payload []byte) (v T, known bool, err error) {
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

// List converts a payload that is a list. Each element of into points to the value for one element of the list.
func List(codec Codec, payload []byte, into ...any) error {
	if lists, ok := codec.(ListCodec); ok {
		n, err := lists.UnmarshalList(payload, into)
		if err == nil && n != len(into) {
			err = wrongLength(n, len(into))
		}
		return err
	}
	list := append([]any(nil), into...)
	if err := codec.Unmarshal(payload, &list); err != nil {
		return err
	}
	if len(list) != len(into) {
		return wrongLength(len(list), len(into))
	}
	for i, p := range into {
		if list[i] != nil && list[i] != p {
			return &Fault{Text: "the codec does not fill the pointers of a list", Unsupported: true}
		}
	}
	return nil
}

func wrongLength(n, want int) error {
	has := strconv.Itoa(n)
	if n > want {
		has = "more than " + strconv.Itoa(want)
	}
	return &Fault{Text: "the payload is a list of " + has + ", not of " + strconv.Itoa(want)}
}
