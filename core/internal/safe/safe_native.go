//go:build !js

package safe

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"reflect"
	"runtime"
	"strconv"

	"github.com/hisock/hisock/core/wire"
)

// isPrint reports whether r is printable.
func isPrint(r rune) bool { return strconv.IsPrint(r) }

// Clip returns a text that is printable, and cut to about most bytes, with its length if it was longer.
func Clip(s string, most int) string {
	part := wire.Cut(s, most)
	text := Text(part)
	for len(text) > most+len(`""`) { // quoting may make the text four times as long
		part = wire.Cut(part, len(part)*3/4)
		text = Text(part)
	}
	if len(part) < len(s) {
		text += "… (" + strconv.Itoa(len(s)) + " B)"
	}
	return text
}

// Stack returns the stack of the caller's caller, function by function. Unlike the runtime's stack it has no arguments,
// which may come from a peer.
func Stack() string {
	const most = 32
	pcs := make([]uintptr, most)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var b []byte
	for {
		f, more := frames.Next()
		b = append(b, f.Function...)
		b = append(b, "\n\t"...)
		b = append(b, f.File...)
		b = append(b, ':')
		b = strconv.AppendInt(b, int64(f.Line), 10)
		b = append(b, '\n')
		if !more {
			return string(b)
		}
	}
}

// Type returns the name of the type of v.
func Type(v any) string {
	if v == nil {
		return "nil"
	}
	return Clip(reflect.TypeOf(v).String(), MaxName)
}

// Types returns the names of the types in an error's chain.
func Types(err error) (names string) {
	const most = 8
	for range most {
		if err == nil {
			break
		}
		if names != "" {
			names += ": "
		}
		names += Type(err)
		err = errors.Unwrap(err)
	}
	return Clip(names, MaxError)
}

// Same reports whether got equals secret. It compares digests, which have one size, so that the time does not depend on
// the content of secret or on the part of got that is right.
func Same(got, secret []byte) bool {
	a, b := sha256.Sum256(got), sha256.Sum256(secret)
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}
