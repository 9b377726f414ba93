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

// A goCommand runs the go command for the browser.
type goCommand struct {
	path string
	dir  string // folder in which it runs: in this module, or in a module that requires this module
	env  []string
}

// findGo looks for the go command: asked if that is not empty, or else in PATH, in GOROOT and in the folders in
// which Go's installers put it.
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

// browserEnv returns the environment in which the go command compiles for the browser. It removes settings
// for programs of this machine, such as -race or a build mode.
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

// moduleFlags returns the flags that say where modules come from.
func moduleFlags(flags string) string {
	var keep []string
	for _, f := range strings.Fields(flags) {
		if name := strings.TrimLeft(f, "-"); strings.HasPrefix(name, "mod=") || strings.HasPrefix(name, "modfile=") || name == "modcacherw" {
			keep = append(keep, f)
		}
	}
	return strings.Join(keep, " ")
}

// run runs the go command and returns its output. The error is a [*BuildError].
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

// compile compiles hisock.wasm into the file out. It turns most inlining off: a page loads 4 % less, and inlining
// saves no time that can be measured beside the browser's own.
func (g *goCommand) compile(ctx context.Context, out string) error {
	_, err := g.run(ctx, "compile "+wasmFile,
		"build", "-trimpath", "-buildvcs=false", "-gcflags=all=-l", "-gcflags=internal/...=", "-ldflags=-s -w", "-o", out, wasmPackage)
	return err
}

// slim turns off a feature that a page does not need: the garbage collector of Go 1.26 for
// many cores, which is 1.5 % of the program that a page loads.
func (g *goCommand) slim(version string) {
	if version == "go1.26" || strings.HasPrefix(version, "go1.26.") || strings.HasPrefix(version, "go1.26rc") {
		g.env = append(g.env, "GOEXPERIMENT=nogreenteagc")
	}
}

// version returns the version of the toolchain that compile uses. If the module asks for another toolchain than the
// installed one, the go command answers for that toolchain.
func (g *goCommand) version(ctx context.Context) (string, error) {
	return g.run(ctx, "ask for the Go version", "env", "GOVERSION")
}

// execSource returns wasm_exec.js of the toolchain that compile uses.
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
