//go:build unix

package core_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/tcp"
)

// servedByChild is the variable that makes the test program the server of BenchmarkPipelined.
const servedByChild = "HISOCK_BENCH_SERVER"

// pipelined is the number of messages that BenchmarkPipelined has in flight.
const pipelined = 64

// BenchmarkPipelined measures the server alone, with commands that are each answered by a command, and with
// calls. server-ns/op is the processor time of the server's process, user and system. The peer writes frames
// that it has made before, as many at once as are in flight, and counts the bytes that come back.
func BenchmarkPipelined(b *testing.B) {
	for _, size := range []int{64, 1 << 10} {
		payload := make([]byte, size)
		var commands, calls, echoes, replies []byte
		for id := range uint64(pipelined) {
			commands = wire.AppendCommand(commands, "echo", payload)
			echoes = wire.AppendCommand(echoes, "echo", payload)
			calls = wire.AppendRequest(calls, id+1000, "echo", payload)
			replies = wire.AppendReply(replies, id+1000, payload)
		}
		b.Run(fmt.Sprintf("commands/%dB", size), func(b *testing.B) { benchmarkPipelined(b, commands, len(echoes)) })
		b.Run(fmt.Sprintf("calls/%dB", size), func(b *testing.B) { benchmarkPipelined(b, calls, len(replies)) })
	}
}

func benchmarkPipelined(b *testing.B, frames []byte, answers int) {
	server := exec.Command(os.Args[0], "-test.run=^TestPipelinedServer$")
	server.Env = append(os.Environ(), servedByChild+"=1")
	stdin, err := server.StdinPipe()
	require.NoError(b, err)
	out, err := server.StdoutPipe()
	require.NoError(b, err)
	require.NoError(b, server.Start())
	said := bufio.NewScanner(out)
	line := func() string {
		require.True(b, said.Scan(), "the server ended: %v", said.Err())
		return said.Text()
	}
	conn, err := tcp.Dialer(line(), nil).Dial(b.Context())
	require.NoError(b, err)
	spent := func() int64 { // nanoseconds
		_, err := io.WriteString(stdin, "spent\n")
		require.NoError(b, err)
		n, err := strconv.ParseInt(line(), 10, 64)
		require.NoError(b, err)
		return n
	}
	buf := make([]byte, 64<<10)
	read := func(n int) {
		for n > 0 {
			got, err := conn.Read(buf[:min(n, len(buf))])
			require.NoError(b, err)
			n -= got
		}
	}
	_, err = conn.Write(wire.AppendHello([]byte(wire.Preface), &wire.Hello{}))
	require.NoError(b, err)
	for n, welcomed := 0, false; !welcomed; {
		got, err := conn.Read(buf[n:])
		require.NoError(b, err)
		n += got
		_, size, ok, err := wire.Next(buf[:n], 0)
		require.NoError(b, err)
		welcomed = ok && size == n // nothing else comes unasked
	}
	b.ResetTimer()
	before := spent()
	for range (b.N + pipelined - 1) / pipelined {
		_, err = conn.Write(frames)
		require.NoError(b, err)
		read(answers)
	}
	b.ReportMetric(float64(spent()-before)/float64(b.N), "server-ns/op")
	b.StopTimer()
	require.NoError(b, conn.Close())
	require.NoError(b, stdin.Close())
	require.NoError(b, server.Wait())
}

// TestPipelinedServer is the server of BenchmarkPipelined, in a process of its own.
func TestPipelinedServer(t *testing.T) {
	if os.Getenv(servedByChild) == "" {
		t.Skip("it is run by a benchmark")
	}
	srv, err := core.NewServer(&core.ServerOptions{Timeouts: core.Timeouts{Resume: -1, Heartbeat: -1}})
	require.NoError(t, err)
	srv.OnBytes("echo", func(_ context.Context, c *core.Conn, payload []byte) error { return c.SendBytes("echo", payload) })
	srv.HandleBytes("echo", func(_ context.Context, _ *core.Conn, payload []byte) ([]byte, error) { return payload, nil })
	l, err := tcp.Listen("127.0.0.1:0", nil)
	require.NoError(t, err)
	go srv.Serve(t.Context(), l) //nolint:errcheck // nil after Shutdown
	fmt.Println(l.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var u syscall.Rusage
		require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
		fmt.Println(u.Utime.Nano() + u.Stime.Nano())
	}
	require.NoError(t, srv.Shutdown(context.Background()))
}
