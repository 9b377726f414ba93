package tcp

import "syscall"

// acceptAgain are the errors after which accept(2) still works and that only Linux has.
var acceptAgain = []syscall.Errno{syscall.ENONET}
