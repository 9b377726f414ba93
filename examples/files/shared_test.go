package main

import (
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/internal/exampletest"
	"github.com/hisock/hisock/transport/transporttest"
)

func TestMain(m *testing.M) { transporttest.Main(m) }

// A fileServer is a program that serves a folder.
type fileServer struct {
	*exampletest.Program
	dir      string
	addr     string // host:port
	tcp, web string // URLs
}

// startServer starts a server of a folder. addr may be an address of an earlier server, or
// "127.0.0.1:0".
func startServer(t *testing.T, dir, addr string) *fileServer {
	t.Helper()
	p := exampletest.Start(t, run, "-dir", dir, "-tcp", addr, "-http", "127.0.0.1:0", "-bundle", exampletest.FakeBundle(t))
	urls := p.Prints(`at \[tcp://(127[^ ]+) http://(127[^\]]+)\]`)
	return &fileServer{p, dir, urls[0], "tcp://" + urls[0], "ws://" + urls[1]}
}

// does runs a client to its end, which must have the exit code.
func does(t *testing.T, code int, args ...string) *exampletest.Program {
	t.Helper()
	p := exampletest.Start(t, run, args...)
	p.Ends(code)
	return p
}

// much is the size of the files whose transfers are cut, in bytes.
const much = 24 << 20

// fileOf writes n random bytes into a file with that name, in a folder of its own.
func fileOf(t *testing.T, name string, n int) (path string, content []byte) {
	t.Helper()
	content = make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(content) //nolint:errcheck // it never fails
	path = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path, content
}

// has checks the content of a file, and that there is no part of it.
func has(t *testing.T, path string, content []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, string(got) == string(content), "other content, of %d B and not %d", len(got), len(content))
	require.NoFileExists(t, path+".part")
}

// A gate is a path to a server that lets only most bytes through in one direction, until it is
// opened.
type gate struct {
	t       *testing.T
	l       net.Listener
	to      string // address of the server
	most    int64  // bytes that pass before the gate is opened
	up      bool   // bytes to the server count, else bytes to the client
	reached chan struct{}
	open    chan struct{}
	once    sync.Once
	running sync.WaitGroup
}

func newGate(t *testing.T, to string, up bool) *gate {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g := &gate{t: t, l: l, to: to, most: much / 2, up: up, reached: make(chan struct{}), open: make(chan struct{})}
	g.running.Go(g.accept)
	t.Cleanup(func() {
		l.Close()
		select {
		case <-g.open:
		default:
			close(g.open)
		}
		g.running.Wait()
	})
	return g
}

func (g *gate) url() string { return "tcp://" + g.l.Addr().String() }

func (g *gate) accept() {
	for {
		client, err := g.l.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("tcp", g.to)
		if err != nil {
			client.Close()
			continue
		}
		g.running.Go(func() { g.copy(server, client, g.up) })
		g.running.Go(func() { g.copy(client, server, !g.up) })
	}
}

func (g *gate) copy(to, from net.Conn, counts bool) {
	defer to.Close()
	defer from.Close()
	if counts {
		if _, err := io.CopyN(to, from, g.most); err != nil {
			return
		}
		g.once.Do(func() { close(g.reached) })
		<-g.open
	}
	io.Copy(to, from) //nolint:errcheck // an end of either kind
}
