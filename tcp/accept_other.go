//go:build !js && !linux

package tcp

import "syscall"

// acceptAgain are the errors after which accept works on that other systems do not have.
var acceptAgain []syscall.Errno
