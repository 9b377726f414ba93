package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/internal/exampletest"
	"github.com/hisock/hisock/transport/transporttest"
	"github.com/hisock/hisock/web"
)

func TestMain(m *testing.M) { transporttest.Main(m) }

// patience bounds the wait for an event that must come.
const patience = exampletest.Patience

// start runs the program, and stops it when the test ends.
func start(t *testing.T, args ...string) *exampletest.Program {
	t.Helper()
	return exampletest.Start(t, run, args...)
}

// A chatServer is a server that serves.
type chatServer struct {
	*exampletest.Program
	tcp, ws, http string // URLs
}

// startServer starts a server on free ports.
func startServer(t *testing.T) *chatServer {
	t.Helper()
	p := start(t, "-tcp", "127.0.0.1:0", "-http", "127.0.0.1:0", "-bundle", fakeBundle(t))
	p.Sees("Press Ctrl-C to close it.")
	s := &chatServer{Program: p}
	for url, scheme := range map[*string]string{&s.tcp: "tcp", &s.ws: "ws", &s.http: "http"} {
		*url = regexp.MustCompile(`\b` + scheme + `://127\.0\.0\.1:[1-9][0-9]*(/ws)?`).FindString(p.Out.String())
		require.NotEmpty(t, *url, "no %s address in %q", scheme, p.Out.String())
	}
	return s
}

// joins starts a terminal client and waits until it is in the chat.
func (s *chatServer) joins(t *testing.T, url, name string, more ...string) *exampletest.Program {
	t.Helper()
	p := start(t, append([]string{"-join", url, "-name", name}, more...)...)
	require.Eventually(t, func() bool {
		return strings.HasPrefix(p.Out.String(), "* here: ")
	}, patience, 2*time.Millisecond, "%s did not get in", name)
	return p
}

// fakeBundle makes a complete bundle whose files do not work. No browser loads them.
func fakeBundle(t *testing.T) string {
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
