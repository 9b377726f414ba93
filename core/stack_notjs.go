//go:build !js

package core

import "runtime"

// stack returns the stack of the calling goroutine, or the top of it.
func stack() string {
	buf := make([]byte, 16<<10)
	return string(buf[:runtime.Stack(buf, false)])
}
