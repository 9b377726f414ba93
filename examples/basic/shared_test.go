package main

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport/transporttest"
)

func TestMain(m *testing.M) { transporttest.Main(m) }

// patience is how long a test waits for what must come.
const patience = 20 * time.Second

// An output is what a program has written, for a test to look at while it runs.
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

// A program is one run of it, inside the test.
type program struct {
	t        *testing.T
	stdin    *io.PipeWriter
	out, err output
	cancel   context.CancelFunc // what Ctrl-C does
	code     int                // valid once done is closed
	done     chan struct{}
}

// start runs the program, types lines, and stops it when the test ends.
func start(t *testing.T, args []string, lines ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	p := &program{t: t, stdin: w, cancel: cancel, done: make(chan struct{})}
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
	for _, line := range lines {
		p.types(line)
	}
	return p
}

func (p *program) types(line string) {
	p.t.Helper()
	_, err := io.WriteString(p.stdin, line+"\n")
	require.NoError(p.t, err, "%s%s", &p.out, &p.err)
}

// eof ends the input, as Ctrl-D does.
func (p *program) eof() { p.stdin.Close() }

// ends waits until the program has ended and looks at its exit code.
func (p *program) ends(code int) {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(patience):
		require.Fail(p.t, "the program did not end", "%s%s", &p.out, &p.err)
	}
	require.Equal(p.t, code, p.code, "%s%s", &p.out, &p.err)
}

// prints waits until the output matches pattern, and returns what its parentheses hold.
func (p *program) prints(pattern string) []string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	require.Eventually(p.t, func() bool { return re.MatchString(p.out.String()) }, patience, time.Millisecond,
		"%s did not come", pattern)
	return re.FindStringSubmatch(p.out.String())[1:]
}

// startServer starts a server on a port that is free, and returns that.
func startServer(t *testing.T) (p *program, port string) {
	t.Helper()
	p = start(t, []string{"server"}, "", "0")
	addr := p.prints(`Serving at (127\.0\.0\.1:\d+)\.`)[0]
	return p, addr[strings.LastIndexByte(addr, ':')+1:]
}
