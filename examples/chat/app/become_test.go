package app

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNoProgramWithNATS(t *testing.T) {
	scratch := t.TempDir()
	t.Setenv("TMPDIR", scratch)
	empty := t.TempDir()
	tests := map[string]struct {
		dir, path, want string
	}{
		"no sources":      {"", os.Getenv("PATH"), "its sources are not on this machine"},
		"no Go command":   {natsDir(), empty, "there is no Go command here"},
		"not to be built": {empty, os.Getenv("PATH"), "it cannot be built here"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("PATH", tc.path)
			var said bytes.Buffer
			err := buildNATS(t.Context(), tc.dir, filepath.Join(scratch, "chat"), &said)
			var none *noNATSError
			require.ErrorAs(t, err, &none)
			require.ErrorContains(t, err, tc.want)
			require.ErrorContains(t, err, "go build -C examples/chat/nats")
		})
	}
	t.Setenv("PATH", empty)
	p := start(t, "-nats", "embedded")
	require.Equal(t, exitFail, p.Wait())
	require.True(t, strings.HasPrefix(p.Err.String(), "chat: this program has no NATS in it, and there is no Go command here"), p.Err.String())
	left, err := os.ReadDir(scratch)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestCtrlCWhileTheProgramWithNATSIsBuilt(t *testing.T) {
	scratch := t.TempDir()
	t.Setenv("TMPDIR", scratch)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var said bytes.Buffer
	code := Program{}.Run(ctx, []string{"-nats", "embedded"}, &said, &said, &said)
	require.Equal(t, exitOK, code, said.String())
	left, err := os.ReadDir(scratch)
	require.NoError(t, err)
	require.Empty(t, left)
}

// Where a program cannot put another one into its place, it runs it beside itself.
func TestAProgramBeside(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no shell")
	}
	sh, err := exec.LookPath("sh")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	var out, said bytes.Buffer
	code, err := runBeside(ctx, sh, []string{"-c", "cat; echo failed >&2; exit 3"}, strings.NewReader("typed"), &out, &said)
	require.NoError(t, err)
	require.Equal(t, 3, code)
	require.Equal(t, "typed", out.String())
	require.Equal(t, "failed\n", said.String())

	r, w, err := os.Pipe()
	require.NoError(t, err)
	defer r.Close()
	go func() {
		defer stop()
		r.Read(make([]byte, 1)) //nolint:errcheck // then nothing is interrupted yet, and the test still ends
	}()
	code, err = runBeside(ctx, sh, []string{"-c", "trap 'exit 4' INT; echo ready; while :; do sleep 0.05; done"}, nil, w, &said)
	require.NoError(t, err)
	require.Equal(t, 4, code)
	w.Close()

	_, err = runBeside(t.Context(), filepath.Join(t.TempDir(), "none"), nil, nil, &out, &said)
	require.ErrorContains(t, err, "cannot start the program with NATS")
}
