// Package convert makes payloads of values and values of payloads: bytes and text as they are, numbers and
// bools as decimal text, nil and the empty struct as nothing, a type with methods for text or binary by its methods, and
// everything else by a codec. Text comes before binary, since a browser or a Python program at the other end can
// read it. The comment of core.On says the rules.
//
// A function fails with a [Fault] if the package has found the reason, and with the error of the codec or the
// method otherwise.
package convert

import "strconv"

// A Codec is a core.Codec.
type Codec interface {
	Marshal(v any) ([]byte, error)
	Unmarshal(data []byte, v any) error
}

// A ListCodec is a core.ListCodec.
type ListCodec interface {
	Codec
	UnmarshalList(data []byte, into []any) (n int, err error)
}

// A Fault is why a value or a payload does not convert.
type Fault struct {
	Text        string
	Unsupported bool // the codec, or this build, cannot do it
}

func (f *Fault) Error() string { return f.Text }

// Encode makes a payload of a value.
func Encode(codec Codec, v any) ([]byte, error) {
	if payload, known, err := Basic(v); known {
		return payload, err
	}
	return Other(codec, v)
}

// An Intake makes values of one type of payloads. It finds out once, when it is made, what there is to know of the
// type.
type Intake[T any] struct{ how conversion }

// IntakeOf returns the Intake of a type.
func IntakeOf[T any]() Intake[T] { return Intake[T]{conversionOf[T]()} }

// Take makes a value of a payload. A []byte refers to the payload. It allocates no T if that is a basic type.
func (i Intake[T]) Take(codec Codec, payload []byte) (T, error) {
	if v, known, err := takeBasic[T](payload); known {
		return v, err
	}
	return takeOther[T](i.how, codec, payload)
}

// Decode is Take for a single payload.
func Decode[T any](codec Codec, payload []byte) (T, error) {
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

// List makes values of a payload that is a list. Its elements go to the values that the elements of into point to.
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
