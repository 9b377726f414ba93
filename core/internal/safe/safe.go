// Package safe says what may be shown of things that others have made, and compares secrets.
//
// A text that a peer has sent may hold control characters that fool a terminal, or be as long as a frame.
// An error may say all that a peer has sent, and its method may panic. A stack may hold arguments. Each function of this
// package returns a text that is printable, or that holds nothing of a peer's.
//
// A browser build is content with less: its console shows stacks, and a page would pay for Unicode's tables and for
// package reflect.
package safe

import (
	"unicode/utf8"

	"github.com/hisock/hisock/core/wire"
)

// Texts are cut to these lengths, in bytes.
const (
	MaxName  = 128 // names and addresses
	MaxError = 512
)

// Text returns s as it is, or quoted if a log or a terminal could be fooled by what it holds.
func Text(s string) string {
	for _, r := range s {
		if r == utf8.RuneError || !isPrint(r) {
			return wire.Quote(s)
		}
	}
	return s
}

// Error returns what an error says, whatever its method does, cut to about MaxError bytes.
func Error(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = "an error that does not say what it is"
		}
	}()
	return Clip(err.Error(), MaxError)
}

// Panic returns what a recovered value says, cut to about MaxError bytes.
func Panic(v any) string {
	switch v := v.(type) {
	case error:
		return Error(v)
	case string:
		return Clip(v, MaxError)
	}
	return "a value that is not an error"
}
