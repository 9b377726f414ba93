//go:build lockorder && !amd64

package lock

import (
	"bytes"
	"runtime"
	"strconv"
)

// goroutine returns what no other goroutine returns while this one runs: its number, as its stack trace
// begins: "goroutine 7 [". That takes long, so that tests which wait for others may fail.
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
