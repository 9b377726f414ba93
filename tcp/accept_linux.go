package tcp

import "syscall"

// acceptAgain are the errors after which accept(2) works on that other systems do not have.
var acceptAgain = []syscall.Errno{syscall.ENONET}
