package deploy

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/examples/internal/exampletest"
	"github.com/hisock/hisock/web"
	"github.com/hisock/hisock/ws"
)

// installed makes a module of the program of docs/deploy.md with an embedded bundle, as the page says, and returns the installed
// program.
func installed(t *testing.T) string {
	t.Helper()
	var src string
	for _, block := range exampletest.Go(t, "../../docs/deploy.md") {
		if strings.HasPrefix(block, "package main\n") {
			require.Empty(t, src, "one program")
			src = block
		}
	}
	require.Contains(t, src, `":8080"`)
	dir := exampletest.Module(t, "server", map[string]string{"main.go": strings.Replace(src, `":8080"`, `"127.0.0.1:0"`, 1)})
	bin := t.TempDir()
	t.Setenv("GOBIN", bin)
	require.Empty(t, exampletest.Command(t, dir, "gofmt", "-l", "main.go"))
	exampletest.Command(t, dir, "go", "generate")
	exampletest.Command(t, dir, "go", "vet", ".")
	exampletest.Command(t, dir, "go", "install")
	require.NoError(t, os.RemoveAll(dir))
	return filepath.Join(bin, "server")
}

// get requests a file as it is, or in a coding.
func get(t *testing.T, url, coding string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	req.Header.Set("Accept-Encoding", coding)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, res.StatusCode, url)
	return res, body
}

// A server with an embedded bundle needs no toolchain, no source and no folder.
func TestEmbeddedBundle(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), installed(t))
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=" + t.TempDir(), "HOME=" + cmd.Dir}
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	_, addr, found := strings.Cut(strings.TrimSpace(line), "http://")
	require.True(t, found, line)

	var m web.Manifest
	_, raw := get(t, "http://"+addr+"/hisock/manifest.json", "identity")
	require.NoError(t, json.Unmarshal(raw, &m))
	require.Contains(t, m.Files, "hisock.wasm")
	require.Contains(t, m.Files, "js.js")
	types := map[string]string{".wasm": "application/wasm", ".js": "text/javascript; charset=utf-8", ".ts": "text/plain; charset=utf-8"}
	for name := range m.Files {
		file, packed := strings.CutSuffix(name, ".gz")
		coding := "identity"
		if packed {
			coding = "gzip"
		}
		res, body := get(t, "http://"+addr+"/hisock/"+file, coding)
		sum := sha256.Sum256(body)
		require.Equal(t, m.Files[name], web.File{Size: len(body), SHA256: hex.EncodeToString(sum[:])}, name)
		require.Equal(t, types[filepath.Ext(file)], res.Header.Get("Content-Type"), name)
		require.Equal(t, packed, res.Header.Get("Content-Encoding") == "gzip", name)
	}

	c, err := core.NewClient(ws.Dialer("ws://"+addr+"/ws", nil), &core.ClientOptions{Logger: core.Silent})
	require.NoError(t, err)
	require.NoError(t, c.Connect(t.Context()))
	sum, err := core.Call[int](t.Context(), c, "sum", []int{1, 2, 3})
	require.NoError(t, err)
	require.Equal(t, 6, sum)
	require.NoError(t, c.Close())
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait(), "it ends in order")
}
