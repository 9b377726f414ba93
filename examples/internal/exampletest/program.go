package exampletest

import (
	"bytes"
	"context"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Patience bounds the wait for an event that must come.
const Patience = 20 * time.Second

// An Output is the output of a program. A test may read it while the program writes.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// Lines returns the lines so far.
func (o *Output) Lines() []string {
	return strings.Split(strings.TrimSuffix(o.String(), "\n"), "\n")
}

// A Program is one run of a program, inside a test.
type Program struct {
	In       io.WriteCloser
	Out, Err Output

	t    *testing.T
	stop context.CancelFunc
	done chan struct{}
	code int // valid once done is closed
}

// A Run is the function that the main function of an example calls. It returns the exit code.
type Run func(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int

// Start runs a program, and stops it when the test ends.
func Start(t *testing.T, run Run, args ...string) *Program {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	p := &Program{t: t, In: w, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.code = run(ctx, args, r, &p.Out, &p.Err)
		r.Close()
	}()
	t.Cleanup(func() {
		cancel()
		<-p.done
		w.Close()
	})
	return p
}

// Say writes lines to the program's input.
func (p *Program) Say(lines ...string) {
	p.t.Helper()
	for _, line := range lines {
		_, err := io.WriteString(p.In, line+"\n")
		require.NoError(p.t, err, "%s%s", &p.Out, &p.Err)
	}
}

// EOF ends the input, as Ctrl-D does.
func (p *Program) EOF() { p.In.Close() }

// Stop ends the program's context, as Ctrl-C does.
func (p *Program) Stop() { p.stop() }

// Wait waits until the program has ended, and returns its exit code.
func (p *Program) Wait() int {
	p.t.Helper()
	select {
	case <-p.done:
	case <-time.After(Patience):
		require.Fail(p.t, "the program did not end", "stdout: %s\nstderr: %s", &p.Out, &p.Err)
	}
	return p.code
}

// Ends waits until the program has ended with that exit code.
func (p *Program) Ends(code int) {
	p.t.Helper()
	require.Equal(p.t, code, p.Wait(), "stdout: %s\nstderr: %s", &p.Out, &p.Err)
}

// Prints waits until the output matches pattern, and returns the matches of its groups.
func (p *Program) Prints(pattern string) []string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	p.await(func() bool { return re.MatchString(p.Out.String()) }, "%s did not come", pattern)
	return re.FindStringSubmatch(p.Out.String())[1:]
}

// Sees waits until a line has been printed.
func (p *Program) Sees(line string) {
	p.t.Helper()
	p.await(func() bool { return slices.Contains(p.Out.Lines(), line) }, "%q was not printed", line)
}

// Complains waits until the program has written text to its error output.
func (p *Program) Complains(text string) {
	p.t.Helper()
	p.await(func() bool { return strings.Contains(p.Err.String(), text) }, "%q was not complained about", text)
}

func (p *Program) await(cond func() bool, format string, args ...any) {
	p.t.Helper()
	require.Eventually(p.t, cond, Patience, time.Millisecond, append([]any{format}, args...)...)
}
