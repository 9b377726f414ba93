package exampletest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/web"
)

// FakeBundle makes a complete bundle whose files do not work. No browser loads them.
func FakeBundle(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var lacks *web.BundleError
	_, err := web.Check(os.DirFS(dir))
	require.ErrorAs(t, err, &lacks)

	manifest := web.Manifest{Hisock: 1, GoVersion: "go1.25", Files: make(map[string]web.File)}
	for _, name := range lacks.Missing {
		if name == "manifest.json" {
			continue
		}
		var small bytes.Buffer
		zip := gzip.NewWriter(&small)
		_, err := io.WriteString(zip, "what "+name+" holds")
		require.NoError(t, err)
		require.NoError(t, zip.Close())
		for name, content := range map[string][]byte{
			name:         []byte("what " + name + " holds"),
			name + ".gz": small.Bytes(),
		} {
			sum := sha256.Sum256(content)
			manifest.Files[name] = web.File{Size: len(content), SHA256: hex.EncodeToString(sum[:])}
			path := filepath.Join(dir, filepath.FromSlash(name))
			require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
			require.NoError(t, os.WriteFile(path, content, 0o600))
		}
	}
	raw, err := json.Marshal(manifest)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), raw, 0o600))
	return dir
}
