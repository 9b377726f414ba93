// Package safe turns values that a peer or a program has made into texts that may be shown, and compares secrets.
//
// A text from a peer may contain control characters that fool a terminal, or be as long as a frame. The text of an
// error may repeat all that a peer has sent, and the error's method may panic. A stack may contain arguments. Each
// function of this package returns a text that is printable, or that contains nothing from a peer.
//
// A browser build does less: its console shows stacks, and Unicode's tables and package reflect would make it larger.
package safe

import (
	"unicode/utf8"

	"github.com/hisock/hisock/core/wire"
)

// Lengths to which texts are cut, in bytes.
const (
	MaxName  = 128 // names and addresses
	MaxError = 512
)

// Text returns s as it is, or quoted if it contains a character that could fool a log or a terminal.
func Text(s string) string {
	for _, r := range s {
		if r == utf8.RuneError || !isPrint(r) {
			return wire.Quote(s)
		}
	}
	return s
}

// Error returns the text of an error, cut to about MaxError bytes. The error's method may panic.
func Error(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = "an error that does not say what it is"
		}
	}()
	return Clip(err.Error(), MaxError)
}

// Panic returns a text for a recovered value, cut to about MaxError bytes.
func Panic(v any) string {
	switch v := v.(type) {
	case error:
		return Error(v)
	case string:
		return Clip(v, MaxError)
	}
	return "a value that is not an error"
}
