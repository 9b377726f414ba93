package web

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A goCommand runs the Go command for the browser.
type goCommand struct {
	path string
	dir  string // where it runs: a folder of a module that has this one
	env  []string
}

// findGo looks for the Go command: the one that is asked for, or that in PATH, in GOROOT or
// where Go's installers put it.
func findGo(asked, dir string) (*goCommand, error) {
	path, err := lookGo(asked)
	if err != nil {
		return nil, err
	}
	return &goCommand{path: path, dir: dir, env: browserEnv(os.Environ())}, nil
}

func lookGo(asked string) (string, error) {
	if asked != "" {
		path, err := exec.LookPath(asked)
		if err != nil {
			return "", fmt.Errorf("%w (%w)", ErrNoGo, err)
		}
		return path, nil
	}
	if path, err := exec.LookPath("go"); err == nil {
		return path, nil
	}
	name := "go"
	roots := []string{os.Getenv("GOROOT"), "/usr/local/go", "/usr/lib/go"}
	if runtime.GOOS == "windows" {
		name, roots = "go.exe", []string{roots[0], `C:\Program Files\Go`}
	}
	for _, root := range roots {
		if root == "" {
			continue
		}
		if path, err := exec.LookPath(filepath.Join(root, "bin", name)); err == nil {
			return path, nil
		}
	}
	return "", ErrNoGo
}

// browserEnv is the environment in which the Go command compiles for the browser. Settings
// for programs of this machine, such as -race or a build mode, must not reach it.
func browserEnv(env []string) []string {
	var out []string
	for _, kv := range env {
		key, value, _ := strings.Cut(kv, "=")
		switch key {
		case "GOOS", "GOARCH", "GOWASM", "CGO_ENABLED", "GOEXPERIMENT":
			continue
		case "GOFLAGS":
			kv = "GOFLAGS=" + moduleFlags(value)
		}
		out = append(out, kv)
	}
	return append(out, "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0")
}

// moduleFlags returns those flags that say where modules come from.
func moduleFlags(flags string) string {
	var keep []string
	for _, f := range strings.Fields(flags) {
		if name := strings.TrimLeft(f, "-"); strings.HasPrefix(name, "mod=") || strings.HasPrefix(name, "modfile=") || name == "modcacherw" {
			keep = append(keep, f)
		}
	}
	return strings.Join(keep, " ")
}

// run runs the Go command and returns what it prints. The error is a [*BuildError].
func (g *goCommand) run(ctx context.Context, step string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, g.path, args...)
	cmd.Dir, cmd.Env = g.dir, g.env
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", &BuildError{Step: step, Output: stderr.String(), Err: errors.Join(context.Cause(ctx), err)}
	}
	return strings.TrimSpace(stdout.String()), nil
}

// compile compiles hisock.wasm into the file out. Without most inlining, which here saves no time
// that could be measured beside the browser's own, a page loads 4 % less.
func (g *goCommand) compile(ctx context.Context, out string) error {
	_, err := g.run(ctx, "compile "+wasmFile,
		"build", "-trimpath", "-buildvcs=false", "-gcflags=all=-l", "-gcflags=internal/...=", "-ldflags=-s -w", "-o", out, wasmPackage)
	return err
}

// slim leaves out a part of the toolchain of that version that a page does not
// need: Go 1.26 compiles a garbage collector for many cores, 1.5 % of the program that a page loads.
func (g *goCommand) slim(version string) {
	if version == "go1.26" || strings.HasPrefix(version, "go1.26.") || strings.HasPrefix(version, "go1.26rc") {
		g.env = append(g.env, "GOEXPERIMENT=nogreenteagc")
	}
}

// version and execSource describe the toolchain that compile uses: where the module asks for
// another than the one installed, the Go command answers for that.
func (g *goCommand) version(ctx context.Context) (string, error) {
	return g.run(ctx, "ask for the Go version", "env", "GOVERSION")
}

func (g *goCommand) execSource(ctx context.Context) ([]byte, error) {
	const step = "read " + execFile
	root, err := g.run(ctx, step, "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	src, err := os.ReadFile(filepath.Join(root, "lib", "wasm", execFile))
	if errors.Is(err, os.ErrNotExist) { // its place before Go 1.24
		src, err = os.ReadFile(filepath.Join(root, "misc", "wasm", execFile))
	}
	if err != nil {
		return nil, &BuildError{Step: step, Err: err}
	}
	return src, nil
}
