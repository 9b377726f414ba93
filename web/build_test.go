package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// maxWasmGzip is the budget of the browser build that a page loads, gzipped, in bytes.
const maxWasmGzip = 850_000

func TestBuildMakesAWholeBundle(t *testing.T) {
	dir := bundleDir(t)
	m, err := Check(os.DirFS(dir))
	require.NoError(t, err)
	require.Equal(t, goEnv(t, "GOVERSION"), m.GoVersion)
	require.Equal(t, "compile hisock.wasm, which takes up to a minute the first time", steps[0])
	require.Equal(t, "put it into "+dir, steps[len(steps)-1])

	files := contents(t, dir)
	require.Len(t, files, 2*len(bundleNames())+1)
	for _, name := range bundleNames() {
		require.Equal(t, files[name], unzip(t, files[name+".gz"]), name)
	}
	require.True(t, strings.HasPrefix(files["hisock.wasm"], "\x00asm"))
	source, err := os.ReadFile("hisock.js")
	require.NoError(t, err)
	require.Equal(t, string(stripComments(source)), files["hisock.js"])

	rest, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*"))
	require.NoError(t, err)
	require.Empty(t, rest, "left behind")
}

func TestWasmExecIsTheToolchainsOwn(t *testing.T) {
	exec, err := os.ReadFile(filepath.Join(goEnv(t, "GOROOT"), "lib", "wasm", "wasm_exec.js"))
	require.NoError(t, err)
	got := contents(t, bundleDir(t))["wasm_exec.js"]
	require.Contains(t, got, "\n"+string(exec)+"\n")
	require.Contains(t, got, "export default function (globalThis, fs) {\n")
}

func TestWasmFitsItsBudget(t *testing.T) {
	files := contents(t, bundleDir(t))
	raw, packed := len(files["hisock.wasm"]), len(files["hisock.wasm.gz"])
	t.Logf("hisock.wasm: %d B raw, %d B gzipped, budget %d B", raw, packed, maxWasmGzip)
	require.LessOrEqual(t, packed, maxWasmGzip)
}

// A browser build does not import these packages: each makes it larger, used or not.
func TestWasmLeavesHeavyPackagesOut(t *testing.T) {
	cmd := exec.Command("go", "list", "-deps", wasmPackage)
	cmd.Env = browserEnv(os.Environ())
	out, err := cmd.Output()
	require.NoError(t, err)
	deps := strings.Fields(string(out))
	require.Contains(t, deps, "github.com/hisock/hisock/core")
	for _, heavy := range []string{"fmt", "log", "log/slog", "encoding/json", "net", "net/http", "os", "reflect", "crypto/rand", "crypto/tls"} {
		require.NotContains(t, deps, heavy)
	}
}

func TestBuildAgainKeepsTheBundle(t *testing.T) {
	dir := copyBundle(t)
	before, err := os.Stat(filepath.Join(dir, wasmFile))
	require.NoError(t, err)
	var last string
	require.NoError(t, Build(t.Context(), dir, &BuildOptions{Progress: func(step string) { last = step }}))
	after, err := os.Stat(filepath.Join(dir, wasmFile))
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "the folder was replaced")
	require.Contains(t, last, "up to date")
}

func TestBuildMendsADamagedBundle(t *testing.T) {
	dir := copyBundle(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hisock.js"), []byte("old"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "extra.txt"), []byte("left by somebody"), 0o644))
	require.NoError(t, Build(t.Context(), dir, nil))
	require.Equal(t, contents(t, bundleDir(t)), contents(t, dir))
}

func TestBuildRefusesAFolderOfSomethingElse(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "thesis.txt"), []byte("five years"), 0o644))
	err := Build(t.Context(), dir, nil)
	require.ErrorIs(t, err, ErrNotBundle)
	require.Equal(t, map[string]string{"thesis.txt": "five years"}, contents(t, dir))
}

func TestBuildWithoutGo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "bundle")
	err := Build(t.Context(), dir, &BuildOptions{Go: "no-such-go"})
	require.ErrorIs(t, err, ErrNoGo)
	var failed *BuildError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "look for Go", failed.Step)
	require.NoDirExists(t, dir)
}

func TestBuildWhereThisModuleIsUnknown(t *testing.T) {
	elsewhere := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(elsewhere, "go.mod"), []byte("module elsewhere\n"), 0o644))
	dir := filepath.Join(t.TempDir(), "bundle")
	err := Build(t.Context(), dir, &BuildOptions{Dir: elsewhere})
	var failed *BuildError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, "compile hisock.wasm", failed.Step)
	require.Contains(t, failed.Output, wasmPackage)
	require.Contains(t, err.Error(), failed.Output[:10])
	require.NoDirExists(t, dir)
	left, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestBuildEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := Build(ctx, filepath.Join(t.TempDir(), "bundle"), nil)
	require.ErrorIs(t, err, context.Canceled)
}

func TestBrowserEnvironment(t *testing.T) {
	env := browserEnv([]string{
		"HOME=/home/ada", "GOOS=plan9", "GOARCH=mips", "CGO_ENABLED=1",
		"GOFLAGS=-race -mod=mod -tags=x -modfile=other.mod",
	})
	require.Equal(t, []string{
		"HOME=/home/ada", "GOFLAGS=-mod=mod -modfile=other.mod",
		"GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0",
	}, env)
}

func TestSlimKnowsItsToolchain(t *testing.T) {
	for version, want := range map[string]bool{
		"go1.26": true, "go1.26.8": true, "go1.26rc1": true,
		"go1.25.9": false, "go1.27": false, "go1.260": false, "devel +abc": false,
	} {
		var g goCommand
		g.slim(version)
		require.Equal(t, want, len(g.env) == 1, version)
	}
}

func TestSwapPutsTheOldBackIfItFails(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "bundle")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a"), []byte("old"), 0o644))
	require.Error(t, swap(filepath.Join(parent, "not there"), dir, filepath.Join(parent, "old")))
	require.Equal(t, map[string]string{"a": "old"}, contents(t, dir))
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	require.NoError(t, err)
	return strings.TrimSpace(string(out))
}

func unzip(t *testing.T, packed string) string {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader([]byte(packed)))
	require.NoError(t, err)
	plain, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(plain)
}
