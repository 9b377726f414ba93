package convert

import (
	"errors"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/hisock/hisock/core/internal/decimal"
	"github.com/hisock/hisock/core/wire"
)

// Basic is Encode for nil, basic types and the empty struct. It reports whether v has such a type. It does not keep v.
func Basic(v any) (payload []byte, known bool, err error) {
	switch v := v.(type) {
	case nil:
		return nil, true, nil
	case struct{}:
		return nil, true, nil
	case []byte:
		return v, true, nil
	case string:
		if !utf8.ValidString(v) {
			return nil, true, errors.New("the text is not UTF-8")
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
		return nil, errors.New(string(text) + " is not a decimal number")
	}
	return text, nil
}

// decodeBasic is the inverse of Basic. v points to the value. decodeBasic reports whether the value has a basic type or
// is the empty struct. A []byte refers to the payload. decodeBasic does not keep v, so that the value need not be
// allocated.
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
		return true, &Fault{Text: "payload " + excerpt(payload) + " is not of type " + kind}
	}
	return true, nil
}

var errNotUTF8 = &Fault{Text: "the payload is not valid UTF-8"}

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

// excerpt returns the beginning of a payload, quoted.
func excerpt(payload []byte) string {
	const most = 32
	if len(payload) > most {
		return wire.Quote(string(payload[:most])) + "…"
	}
	return wire.Quote(string(payload))
}
