//go:build !js

package transporttest_test

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

func TestMain(m *testing.M) { transporttest.Main(m) }

// faultVar is an environment variable of a child process. It names the fault of the connections in
// [TestFaulty].
const faultVar = "TRANSPORTTEST_FAULT"

// A faulty is a pipe with a fault.
type faulty struct {
	transport.Conn
	transport.ReadyReader
	fault string
	once  sync.Once
	left  chan struct{}
}

func (c *faulty) Write(p []byte) (int, error) {
	switch c.fault {
	case "short write":
		return c.Conn.Write(p[:len(p)/2])
	case "own error":
		if _, err := c.Conn.Write(p); err != nil {
			return 0, io.ErrClosedPipe
		}
		return len(p), nil
	}
	return c.Conn.Write(p)
}

func (c *faulty) WriteBuffers(bufs [][]byte) (int64, error) {
	switch c.fault {
	case "only some buffers":
		n, err := c.Conn.WriteBuffers(bufs[:min(len(bufs), 1024)])
		return n, err
	case "changes bytes":
		n, err := c.Conn.WriteBuffers(bufs)
		for _, p := range bufs {
			clear(p)
		}
		return n, err
	}
	return c.Conn.WriteBuffers(bufs)
}

func (c *faulty) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	var timeout interface{ Timeout() bool }
	if c.fault == "no timeout" && errors.As(err, &timeout) {
		return n, io.ErrNoProgress
	}
	if c.fault == "end is an error" && err == io.EOF {
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

func (c *faulty) ReadReady(pool transport.BufferPool) ([]byte, int, error) {
	switch c.fault {
	case "waits with a buffer":
		buf := pool.Get()
		n, err := c.Conn.Read(buf)
		if err != nil {
			pool.Put(buf)
			return nil, 0, err
		}
		return buf, n, nil
	case "keeps buffer":
		buf, n, err := c.ReadyReader.ReadReady(pool)
		if err != nil {
			pool.Get()
		}
		return buf, n, err
	}
	return c.ReadyReader.ReadReady(pool)
}

func (c *faulty) Info() transport.Info {
	if c.fault == "no name" {
		return transport.Info{}
	}
	return c.Conn.Info()
}

func (c *faulty) Close() error {
	switch c.fault {
	case "leaves a goroutine":
		c.once.Do(func() { go func() { <-c.left }() })
	case "closes once":
		err := io.ErrClosedPipe
		c.once.Do(func() { err = c.Conn.Close() })
		return err
	}
	return c.Conn.Close()
}

// TestFaulty passes if no fault is named. TestFaults runs it with faults.
func TestFaulty(t *testing.T) {
	fault := os.Getenv(faultVar)
	transporttest.Run(t, func(t *testing.T) (a, b transport.Conn, stop func()) {
		a, b = transport.Pipe()
		wrap := func(c transport.Conn) transport.Conn {
			return &faulty{Conn: c, ReadyReader: c.(transport.ReadyReader), fault: fault, left: make(chan struct{})}
		}
		return wrap(a), wrap(b), nil
	})
}

// TestFaults checks that the suite finds each fault of a connection. Each fault runs
// in a separate process, because it makes a test fail.
func TestFaults(t *testing.T) {
	tests := map[string]string{ // the case that finds each fault
		"short write":         "order",
		"own error":           "use_after_Close",
		"only some buffers":   "many_buffers_in_one_write",
		"changes bytes":       "many_buffers_in_one_write",
		"no timeout":          "read_deadline_passes",
		"end is an error":     "CloseWrite",
		"waits with a buffer": "ReadReady_waits_without_a_buffer",
		"keeps buffer":        "ReadReady_fails_without_a_buffer",
		"no name":             "info",
		"leaves a goroutine":  "info",
		"closes once":         "Close_twice",
	}
	for fault, found := range tests {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			pattern := "^TestFaulty$/^" + found + "$/^first_end$"
			out, err := runChild(t, pattern, "")
			require.NoError(t, err, out)
			require.Contains(t, out, "--- PASS: TestFaulty/"+found+"/first_end")

			out, err = runChild(t, pattern, fault)
			require.Error(t, err, out)
			require.Contains(t, out, "--- FAIL: TestFaulty/"+found+"/")
		})
	}
}

// runChild runs the tests that match pattern, with a fault, in another process.
func runChild(t *testing.T, pattern, fault string) (out string, err error) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+pattern, "-test.v")
	child.Env = append(os.Environ(), faultVar+"="+fault, "GORACE=atexit_sleep_ms=0")
	combined, err := child.CombinedOutput()
	return string(combined), err
}

// TestLeaving leaves a goroutine behind if faultVar says so.
func TestLeaving(t *testing.T) {
	if os.Getenv(faultVar) == "leaves a goroutine" {
		go func() { <-make(chan struct{}) }()
	}
}

func TestMainFindsGoroutines(t *testing.T) {
	t.Parallel()
	out, err := runChild(t, "^TestLeaving$", "")
	require.NoError(t, err, out)

	out, err = runChild(t, "^TestLeaving$", "leaves a goroutine")
	require.Error(t, err)
	require.Contains(t, out, "--- PASS: TestLeaving")
	require.Contains(t, out, "1 goroutines left")
	require.Contains(t, out, "transporttest_test.TestLeaving.func1")
}
