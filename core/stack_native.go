//go:build !js

package core

import (
	"errors"
	"reflect"
	"runtime"
	"strconv"
)

// stack returns where the calling goroutine is, function by function. Unlike the runtime's own it
// says nothing of arguments, which may be a peer's.
func stack() string {
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

// typeOf names the type of a value.
func typeOf(v any) string {
	if v == nil {
		return "nil"
	}
	return clip(reflect.TypeOf(v).String(), maxLogged)
}

// typesOf names the types in an error's chain.
func typesOf(err error) (names string) {
	const most = 8
	for range most {
		if err == nil {
			break
		}
		if names != "" {
			names += ": "
		}
		names += typeOf(err)
		err = errors.Unwrap(err)
	}
	return clip(names, maxErrorText)
}
