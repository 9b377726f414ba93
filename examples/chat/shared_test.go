package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport/transporttest"
	"github.com/hisock/hisock/web"
)

func TestMain(m *testing.M) { transporttest.Main(m) }

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// An output is what a process has written, for a test to look at while it runs.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

func (o *output) lines() []string {
	return strings.Split(strings.TrimSuffix(o.String(), "\n"), "\n")
}

// A process is one run of the program, inside the test.
type process struct {
	stdin    *io.PipeWriter
	out, err output
	cancel   context.CancelFunc // what Ctrl-C does
	code     int                // valid once done is closed
	done     chan struct{}
}

// start runs the program, and stops it when the test ends.
func start(t *testing.T, args ...string) *process {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	p := &process{stdin: w, cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.code = run(ctx, args, r, &p.out, &p.err)
		r.Close()
	}()
	t.Cleanup(func() {
		cancel()
		<-p.done
		w.Close()
	})
	return p
}

// wait waits until the program has ended and returns its exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		require.Fail(t, "the program did not end", "stdout: %s\nstderr: %s", &p.out, &p.err)
	}
	return p.code
}

// say types one line.
func (p *process) say(t *testing.T, text string) {
	t.Helper()
	_, err := io.WriteString(p.stdin, text+"\n")
	require.NoError(t, err, "stderr: %s", &p.err)
}

// eof ends the input, as Ctrl-D does.
func (p *process) eof() { p.stdin.Close() }

// sees waits until a line has been printed.
func (p *process) sees(t *testing.T, line string) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, l := range p.out.lines() {
			if l == line {
				return true
			}
		}
		return false
	}, patience, 2*time.Millisecond, "%q was not printed", line)
}

// complains waits until stderr holds text.
func (p *process) complains(t *testing.T, text string) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Contains(p.err.String(), text) },
		patience, 2*time.Millisecond, "%q was not complained about", text)
}

// A chatServer is a server that is ready.
type chatServer struct {
	*process
	tcp, ws, http string // URLs
}

// startServer starts a server on free ports.
func startServer(t *testing.T) *chatServer {
	t.Helper()
	p := start(t, "-tcp", "127.0.0.1:0", "-http", "127.0.0.1:0", "-bundle", fakeBundle(t))
	p.sees(t, "Press Ctrl-C to close it.")
	s := &chatServer{process: p}
	for url, scheme := range map[*string]string{&s.tcp: "tcp", &s.ws: "ws", &s.http: "http"} {
		*url = regexp.MustCompile(`\b` + scheme + `://127\.0\.0\.1:[1-9][0-9]*(/ws)?`).FindString(p.out.String())
		require.NotEmpty(t, *url, "no %s address in %q", scheme, p.out.String())
	}
	return s
}

// joins starts a terminal client and waits until it is in the chat.
func (s *chatServer) joins(t *testing.T, url, name string, more ...string) *process {
	t.Helper()
	p := start(t, append([]string{"-join", url, "-name", name}, more...)...)
	require.Eventually(t, func() bool {
		return strings.HasPrefix(p.out.String(), "* here: ")
	}, patience, 2*time.Millisecond, "%s did not get in", name)
	return p
}

// fakeBundle makes a bundle that is whole, but whose files hold nothing that works: what
// is in them is for a browser to care about.
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
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), content, 0o600))
		}
	}
	raw, err := json.Marshal(manifest)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), raw, 0o600))
	return dir
}
