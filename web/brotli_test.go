package web

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBrotliCopiesAreTheFiles(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node command")
	}
	dir := t.TempDir()
	text := strings.Repeat("named commands, calls and groups ", 100)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.js"), []byte(text), 0o644))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "engine"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "engine", "b.js"), nil, 0o644))
	m := &Manifest{Files: map[string]File{}}
	require.NoError(t, addBrotli(t.Context(), dir, []string{"a.js", "engine/b.js"}, m))
	require.Len(t, m.Files, 2)
	packed, err := os.ReadFile(filepath.Join(dir, "a.js.br"))
	require.NoError(t, err)
	require.Equal(t, describe(packed), m.Files["a.js.br"])
	require.Less(t, len(packed), len(text)/10)
	unpack := exec.Command(node, "-e", `process.stdout.write(require("node:zlib").brotliDecompressSync(require("node:fs").readFileSync(0)))`)
	unpack.Stdin = bytes.NewReader(packed)
	got, err := unpack.Output()
	require.NoError(t, err)
	require.Equal(t, text, string(got))
	require.Contains(t, m.Files, "engine/b.js.br")
}

func TestBrotliWithoutNode(t *testing.T) {
	t.Setenv("PATH", "")
	require.ErrorContains(t, addBrotli(t.Context(), t.TempDir(), nil, &Manifest{}), "no node command found")
}

// brotliBundle returns a bundle whose copies with Brotli have any content, because only browsers look at the content.
func brotliBundle(t *testing.T) (dir string) {
	t.Helper()
	dir = copyBundle(t)
	m, err := Check(os.DirFS(dir))
	require.NoError(t, err)
	for _, name := range bundleNames() {
		content := []byte("br of " + name)
		require.NoError(t, os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)+brotliSuffix), content, 0o644))
		m.Files[name+brotliSuffix] = describe(content)
	}
	text, err := json.Marshal(m)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, manifestFile), text, 0o644))
	return dir
}

func TestHandlerChoosesTheSmallestForm(t *testing.T) {
	h, err := Handler(os.DirFS(brotliBundle(t)))
	require.NoError(t, err)
	tests := map[string]struct{ accept, want string }{
		"a browser":         {"gzip, deflate, br, zstd", "br"},
		"no Brotli":         {"gzip, deflate", "gzip"},
		"Brotli only":       {"br", "br"},
		"any":               {"*", "br"},
		"Brotli is refused": {"gzip, br;q=0", "gzip"},
		"gzip is preferred": {"gzip;q=1, br;q=0.5", "gzip"},
		"neither":           {"identity", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			w := ask(h, http.MethodGet, "/hisock.js", "Accept-Encoding", tc.accept)
			require.Equal(t, http.StatusOK, w.Code)
			require.Equal(t, tc.want, w.Header().Get("Content-Encoding"))
			require.Equal(t, "Accept-Encoding", w.Header().Get("Vary"))
			require.Equal(t, tc.want == "br", w.Body.String() == "br of hisock.js")
			again := ask(h, http.MethodGet, "/hisock.js", "Accept-Encoding", tc.accept, "If-None-Match", w.Header().Get("ETag"))
			require.Equal(t, http.StatusNotModified, again.Code)
		})
	}
}

func TestBundleWithDamagedBrotli(t *testing.T) {
	dir := brotliBundle(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "hisock.wasm.br"), []byte("another"), 0o644))
	require.NoError(t, os.Remove(filepath.Join(dir, "hisock.js.br")))
	var fault *BundleError
	_, err := Check(os.DirFS(dir))
	require.ErrorAs(t, err, &fault)
	require.Equal(t, []string{"hisock.wasm.br"}, fault.Damaged)
	require.Equal(t, []string{"hisock.js.br"}, fault.Missing)
}
