//go:build !js

package convert

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/hisock/hisock/core/internal/shape"
)

// Default is the codec of a program that sets no codec. It is JSON.
type Default struct{}

func (Default) Marshal(v any) ([]byte, error)      { return json.Marshal(shape.Addressable(v)) }
func (Default) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }

// UnmarshalList finds the ends of the elements, and leaves the check of each element to package json.
func (Default) UnmarshalList(data []byte, into []any) (n int, err error) {
	data = bytes.Trim(data, jsonSpace)
	if string(data) == "null" {
		return 0, nil
	}
	if len(data) == 0 || data[0] != '[' {
		return 0, errNoList
	}
	elements := make([][]byte, 0, 3)
	for rest := bytes.Trim(data[1:], jsonSpace); ; {
		if n == 0 && len(rest) > 0 && rest[0] == ']' {
			data = rest
			break
		}
		size := elementSize(rest)
		if size < 0 {
			return 0, errListCut
		}
		if n++; n > len(into) {
			return n, nil
		}
		elements = append(elements, rest[:size])
		if data = rest[size:]; data[0] == ']' {
			break
		}
		rest = data[1:]
	}
	if len(data) > 1 {
		return 0, errListGoesOn
	}
	if n < len(into) {
		return n, nil
	}
	for i, e := range elements {
		if e = bytes.Trim(e, jsonSpace); string(e) == "null" {
			continue
		}
		if err := json.Unmarshal(e, into[i]); err != nil {
			return 0, err
		}
	}
	return n, nil
}

const jsonSpace = " \t\r\n"

var (
	errNoList     = errors.New("it is no list")
	errListCut    = errors.New("the list has no end")
	errListGoesOn = errors.New("something follows the list")
)

// elementSize returns the number of bytes before the comma or bracket that ends the first element in b, or -1 if there
// is no such end.
func elementSize(b []byte) int {
	depth, text := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case text:
			if c == '\\' {
				i++
			}
			text = c != '"'
		case c == '"':
			text = true
		case c == '[' || c == '{':
			depth++
		case depth == 0 && (c == ',' || c == ']'):
			return i
		case c == ']' || c == '}':
			depth--
		}
	}
	return -1
}
