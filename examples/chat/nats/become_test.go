//go:build unix

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/internal/exampletest"
)

// buildTime bounds the wait for a program that is built.
const buildTime = 4 * time.Minute

// The command of the root module, which has no NATS in it, becomes this program. A signal ends everything, and nothing is left.
func TestTheCommandWithoutNATSBecomesThisOne(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	built := filepath.Join(t.TempDir(), "chat")
	tests := map[string]struct {
		args   []string
		signal func(pid int) error
	}{
		"Ctrl-C of go run": {
			[]string{"go", "run", "./examples/chat"},
			func(pid int) error { return syscall.Kill(-pid, syscall.SIGINT) }, // to all of them, as a terminal does
		},
		"SIGTERM of a program": {
			[]string{built},
			func(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) },
		},
	}
	exampletest.Command(t, root, "go", "build", "-buildvcs=false", "-o", built, "./examples/chat")
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scratch := t.TempDir()
			cmd := exec.Command(tc.args[0], append(tc.args[1:], "-nats", "embedded:0", "-tcp", "127.0.0.1:0", "-http", "", "-node", "alpha")...)
			cmd.Dir, cmd.Env = root, append(os.Environ(), "TMPDIR="+scratch)
			cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
			var out, said exampletest.Output
			cmd.Stdout, cmd.Stderr = &out, &said
			require.NoError(t, cmd.Start())
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			t.Cleanup(func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }) //nolint:errcheck // it has ended
			require.Eventually(t, func() bool {
				return len(ended) > 0 || strings.Contains(out.String(), "Press Ctrl-C")
			}, buildTime, 10*time.Millisecond)
			require.Empty(t, ended, "it has ended: %s", &said)
			require.Contains(t, out.String(), "this node       alpha")
			require.Contains(t, said.String(), "chat: building the chat with NATS")
			require.NoError(t, tc.signal(cmd.Process.Pid))
			err := <-ended
			if tc.args[0] == built { // go run fails whenever it is interrupted
				require.NoError(t, err, said.String())
			}
			require.Contains(t, said.String(), "chat: stopping")
			require.ErrorIs(t, syscall.Kill(-cmd.Process.Pid, 0), syscall.ESRCH, "a process is left")
			left, err := os.ReadDir(scratch)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}
