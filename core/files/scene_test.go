//go:build !js

package files

import (
	"context"
	"crypto/sha256"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
)

// A scene is a client, and a server that takes files and gives them, in a program that may be
// started again.
type scene struct {
	t    *testing.T
	dir  string // the server's folder
	most int64  // the server's MaxSize

	mu       sync.Mutex // guards the fields below
	listener *transport.PipeListener
	srv      *core.Server
	served   chan error
	folder   *Folder
	received chan error      // results of Receive at the server
	joined   chan *core.Conn // clients that have joined

	half chan struct{} // if set, a download stops halfway, sends on half, and waits for the end of its stream

	client *core.Client
}

// Dial dials the program that runs at this moment.
func (s *scene) Dial(ctx context.Context) (transport.Conn, error) {
	s.mu.Lock()
	l := s.listener
	s.mu.Unlock()
	return l.Dial(ctx)
}

func newScene(t *testing.T) *scene {
	s := &scene{t: t, dir: t.TempDir(), most: 1 << 30, received: make(chan error, 100), joined: make(chan *core.Conn, 100)}
	s.start()
	t.Cleanup(s.stop)
	s.client = s.join()
	return s
}

// start starts the server's program.
func (s *scene) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	s.srv, err = core.NewServer(&core.ServerOptions{Logger: core.Silent})
	require.NoError(s.t, err)
	s.srv.OnJoin(func(c *core.Conn) { s.joined <- c })
	folder, err := OpenFolder(s.dir)
	require.NoError(s.t, err)
	s.folder, s.listener, s.served = folder, transport.NewPipeListener(), make(chan error, 1)
	core.HandleByteStream(s.srv, "upload", func(ctx context.Context, _ *core.Conn, name string, b *core.ByteStream) error {
		to, err := folder.Create(name)
		if err != nil {
			return err
		}
		defer to.Close()
		_, err = Receive(ctx, b, to, &Options{MaxSize: s.most})
		s.received <- err
		return err
	})
	core.HandleByteStream(s.srv, "download", func(ctx context.Context, _ *core.Conn, name string, b *core.ByteStream) error {
		from, err := folder.Open(name)
		if err != nil {
			return err
		}
		defer from.Close()
		if half := s.half; half != nil {
			from, err = NewSource(&failing{r: from.file, after: from.size / 2, then: func() error {
				half <- struct{}{}
				<-ctx.Done()
				return context.Cause(ctx)
			}}, from.size)
			if err != nil {
				return err
			}
		}
		_, err = Send(ctx, b, from, nil)
		return err
	})
	srv, l, served := s.srv, s.listener, s.served
	go func() { served <- srv.Serve(context.Background(), l) }()
}

// stop ends the server's program at once.
func (s *scene) stop() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.srv.Shutdown(ctx) //nolint:errcheck // it is cut off
	s.listener.Close()
	<-s.served
	s.folder.Close()
}

// join connects a client.
func (s *scene) join() *core.Client {
	cl, err := core.NewClient(s, &core.ClientOptions{Logger: core.Silent, Retry: core.Retry{Min: time.Millisecond, Max: 10 * time.Millisecond}})
	require.NoError(s.t, err)
	require.NoError(s.t, cl.Connect(s.t.Context()))
	s.t.Cleanup(func() { cl.Close(); <-cl.Done() })
	return cl
}

// put writes a file into the server's folder.
func (s *scene) put(name string, content []byte) {
	require.NoError(s.t, os.WriteFile(filepath.Join(s.dir, name), content, 0o600))
}

// has checks that the server's folder has this file and no other.
func (s *scene) has(name string, content []byte) { hasOnly(s.t, s.dir, name, content) }

func hasOnly(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	require.Equal(t, []string{name}, namesIn(t, dir))
	got, err := os.ReadFile(filepath.Join(dir, name))
	require.NoError(t, err)
	require.True(t, string(got) == string(content), "other content, of %d B and not %d", len(got), len(content))
}

func namesIn(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// bytesOf returns n bytes, always the same for a seed.
func bytesOf(n int, seed byte) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{seed}).Read(b) //nolint:errcheck // it never fails
	return b
}

// fileOf writes content into a file in a folder of its own, and opens it as a source.
func fileOf(t *testing.T, content []byte) *Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	from, err := Open(path)
	require.NoError(t, err)
	t.Cleanup(func() { from.Close() })
	return from
}

// isOf checks a receipt.
func isOf(t *testing.T, r Receipt, content []byte) {
	t.Helper()
	require.Equal(t, int64(len(content)), r.Size)
	require.Equal(t, sha256.Sum256(content), r.SHA256)
}

// A failing reader calls then once it has read after bytes, and fails with the error of then.
type failing struct {
	r     io.ReadSeeker
	after int64
	then  func() error

	read int64
}

func (f *failing) Seek(offset int64, whence int) (n int64, err error) {
	n, err = f.r.Seek(offset, whence)
	f.read = n
	return n, err
}

func (f *failing) Read(p []byte) (int, error) {
	if f.then != nil && f.read >= f.after {
		then := f.then
		f.then = nil
		if err := then(); err != nil {
			return 0, err
		}
	}
	n, err := f.r.Read(p)
	f.read += int64(n)
	return n, err
}
