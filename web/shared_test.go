package web

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if dir := builtDir; dir != "" {
		if err := os.RemoveAll(filepath.Dir(dir)); err != nil {
			code = 1
		}
	}
	os.Exit(code)
}

// builtDir is the folder of the bundle that the tests share. No test may change it.
var (
	builtDir string
	builtErr error
	steps    []string
	built    sync.Once
)

// bundleDir builds a bundle, once.
func bundleDir(t *testing.T) string {
	t.Helper()
	built.Do(func() {
		var parent string
		if parent, builtErr = os.MkdirTemp("", "hisock-web-*"); builtErr != nil {
			return
		}
		builtDir = filepath.Join(parent, "bundle")
		builtErr = Build(context.Background(), builtDir, &BuildOptions{
			Progress: func(step string) { steps = append(steps, step) },
		})
	})
	require.NoError(t, builtErr)
	return builtDir
}

// copyBundle returns a copy of the bundle that a test may change.
func copyBundle(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "bundle")
	require.NoError(t, os.CopyFS(dir, os.DirFS(bundleDir(t))))
	return dir
}

// contents reads all files of a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	fsys := os.DirFS(dir)
	require.NoError(t, fs.WalkDir(fsys, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(fsys, path)
		files[path] = string(raw)
		return err
	}))
	return files
}
