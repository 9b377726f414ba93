//go:build lockorder && !amd64

package lock

import (
	"bytes"
	"runtime"
	"strconv"
)

// goroutine returns an id of this goroutine: the number with which its stack trace begins, as in "goroutine 7 [". No
// other goroutine has the same id. To make a stack trace takes long, so that tests with deadlines may fail.
func goroutine() uintptr {
	var buf [32]byte
	text := buf[:runtime.Stack(buf[:], false)]
	text = bytes.TrimPrefix(text, []byte("goroutine "))
	digits, _, _ := bytes.Cut(text, []byte(" "))
	id, err := strconv.ParseUint(string(digits), 10, 0)
	if err != nil {
		panic("lock: no number of a goroutine in " + string(text))
	}
	return uintptr(id)
}
