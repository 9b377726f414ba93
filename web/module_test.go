package web

import (
	"archive/zip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// servedModule lets the go command find a module with the path of this one and one empty program, at v0.0.1, and no other module.
func servedModule(t *testing.T) {
	t.Helper()
	proxy := t.TempDir()
	dir := filepath.Join(proxy, filepath.FromSlash(modulePath), "@v")
	require.NoError(t, os.MkdirAll(dir, 0o755))
	const mod = "module " + modulePath + "\n\ngo 1.25\n"
	put := func(name, content string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	put("v0.0.1.mod", mod)
	put("v0.0.1.info", `{"Version":"v0.0.1"}`)
	file, err := os.Create(filepath.Join(dir, "v0.0.1.zip"))
	require.NoError(t, err)
	archive := zip.NewWriter(file)
	for name, content := range map[string]string{"go.mod": mod, "wasm/main.go": "package main\n\nfunc main() {}\n"} {
		w, err := archive.Create(modulePath + "@v0.0.1/" + name)
		require.NoError(t, err)
		_, err = w.Write([]byte(content))
		require.NoError(t, err)
	}
	require.NoError(t, archive.Close())
	require.NoError(t, file.Close())
	t.Setenv("GOPROXY", "file://"+filepath.ToSlash(proxy))
	t.Setenv("GOSUMDB", "off")
	t.Setenv("GOFLAGS", "-modcacherw")
	t.Setenv("GOMODCACHE", t.TempDir())
	t.Setenv("GOWORK", "")
}

func TestBuildOutsideAModule(t *testing.T) {
	servedModule(t)
	other := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(other, "go.mod"), []byte("module example.org/other\n\ngo 1.25\n"), 0o644))
	for name, dir := range map[string]string{"in no module": t.TempDir(), "in a module without this one": other} {
		t.Run(name, func(t *testing.T) {
			tool, err := findGo("", dir)
			require.NoError(t, err)
			require.NoError(t, tool.locate(t.Context(), "v0.0.1"))
			require.True(t, strings.HasSuffix(filepath.ToSlash(tool.dir), modulePath+"@v0.0.1"), tool.dir)
			out := filepath.Join(t.TempDir(), "out.wasm")
			require.NoError(t, tool.compile(t.Context(), out))
			require.FileExists(t, out)
		})
	}
}

func TestBuildInThisModuleTakesItsSource(t *testing.T) {
	tool, err := findGo("", "")
	require.NoError(t, err)
	require.NoError(t, tool.locate(t.Context(), "v0.0.1")) // which nothing serves
	require.Empty(t, tool.dir)
}

func TestBuildOfAVersionThatIsNotThere(t *testing.T) {
	servedModule(t)
	tool, err := findGo("", t.TempDir())
	require.NoError(t, err)
	var fault *BuildError
	require.ErrorAs(t, tool.locate(t.Context(), "v0.0.2"), &fault)
	require.Equal(t, "download "+modulePath+"@v0.0.2", fault.Step)
	require.NoError(t, tool.locate(t.Context(), "")) // compile says what is missing
	require.ErrorAs(t, tool.compile(t.Context(), filepath.Join(t.TempDir(), "out.wasm")), &fault)
}
