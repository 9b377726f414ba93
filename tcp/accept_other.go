//go:build !js && !linux

package tcp

import "syscall"

// acceptAgain are the errors after which accept still works and that only this system has: none.
var acceptAgain []syscall.Errno
