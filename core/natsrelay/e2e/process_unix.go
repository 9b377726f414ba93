//go:build unix

package e2e

import (
	"syscall"

	"github.com/stretchr/testify/require"
)

// Freeze stops the process where it is, and Thaw lets it go on. Meanwhile nobody may ask it.
func (p *Process) Freeze() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGSTOP))
}

// Thaw is described at Freeze.
func (p *Process) Thaw() {
	p.t.Helper()
	require.NoError(p.t, p.cmd.Process.Signal(syscall.SIGCONT))
}
