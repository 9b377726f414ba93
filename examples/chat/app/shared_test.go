package app

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/examples/internal/exampletest"
	"github.com/hisock/hisock/transport/transporttest"
)

func TestMain(m *testing.M) { transporttest.Main(m) }

// patience bounds the wait for an event that must come.
const patience = exampletest.Patience

// start runs the program, and stops it when the test ends.
func start(t *testing.T, args ...string) *exampletest.Program {
	t.Helper()
	return exampletest.Start(t, Program{}.Run, args...)
}

// A chatServer is a server that serves.
type chatServer struct {
	*exampletest.Program
	tcp, ws, http string // URLs
}

// startServer starts a server on free ports.
func startServer(t *testing.T) *chatServer {
	t.Helper()
	return startServerOf(t, Program{})
}

func startServerOf(t *testing.T, of Program, more ...string) *chatServer {
	t.Helper()
	args := append([]string{"-tcp", "127.0.0.1:0", "-http", "127.0.0.1:0", "-bundle", exampletest.FakeBundle(t)}, more...)
	p := exampletest.Start(t, of.Run, args...)
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
