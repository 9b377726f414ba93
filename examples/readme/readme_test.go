// Package readme runs the programs of the README as they stand there.
package readme

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/tcp"
)

var blocks = regexp.MustCompile("(?s)```go\n(.*?)```")

// programs returns the README's Go programs, with the addresses changed.
func programs(t *testing.T, native, pages string) []string {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	var found []string
	for _, m := range blocks.FindAllStringSubmatch(string(text), -1) {
		src := strings.ReplaceAll(m[1], "127.0.0.1:6969", native)
		src = strings.ReplaceAll(src, "127.0.0.1:8080", pages)
		found = append(found, src)
	}
	return found
}

// build compiles a program as one outside this module that requires it.
func build(t *testing.T, name, src string) string {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	dir := t.TempDir()
	write := func(file string, b []byte) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), b, 0o600))
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	text := strings.Replace(string(mod), "module github.com/hisock/hisock", "module example.org/"+name, 1)
	text += "\nrequire github.com/hisock/hisock v0.0.0\nreplace github.com/hisock/hisock => " + root + "\n"
	write("go.mod", []byte(text))
	write("go.sum", sum)
	write("main.go", []byte(src))
	run(t, dir, "gofmt", "-l", "main.go")
	run(t, dir, "go", "vet", ".")
	run(t, dir, "go", "build", "-o", name, ".")
	return filepath.Join(dir, name)
}

func run(t *testing.T, dir, name string, args ...string) string {
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s: %s", name, out)
	return string(out)
}

// freeAddr returns an address that nobody listens on at this moment.
func freeAddr(t *testing.T) string {
	l, err := tcp.Listen("127.0.0.1:0", nil)
	require.NoError(t, err)
	defer l.Close() //nolint:errcheck // nothing to be done about it
	return l.Addr()
}

func TestPrograms(t *testing.T) {
	srcs := programs(t, freeAddr(t), freeAddr(t))
	require.Len(t, srcs, 2, "a server and a client")
	server, client := build(t, "server", srcs[0]), build(t, "client", srcs[1])

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	srv := exec.CommandContext(ctx, server)
	srv.Dir = filepath.Dir(server)
	stderr, err := srv.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, srv.Start())
	lines := bufio.NewScanner(stderr)
	require.True(t, lines.Scan(), "the server said nothing")
	require.Contains(t, lines.Text(), "serving")

	require.Equal(t, "6 <nil>\n", run(t, srv.Dir, client))
	require.NoError(t, srv.Process.Signal(os.Interrupt))
	require.NoError(t, srv.Wait(), "it ends in order")
}
