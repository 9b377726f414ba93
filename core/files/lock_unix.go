//go:build unix && !aix && !solaris

package files

import (
	"os"
	"syscall"
)

// lockFile locks a file against other programs until it is closed. It reports false if another
// program has locked it.
func lockFile(f *os.File) bool {
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != syscall.EWOULDBLOCK
}
