//go:build !js

package core_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/tcp"
)

// floodEnv is the variable that tells a child process of BenchmarkFlood its part: "flood" or
// "honest", a number, and the address of the server.
const floodEnv = "HISOCK_TEST_FLOOD"

// TestFloodChild is one of the processes of BenchmarkFlood, not a test.
func TestFloodChild(t *testing.T) {
	var role, addr string
	var count int
	if _, err := fmt.Sscan(os.Getenv(floodEnv), &role, &count, &addr); err != nil {
		return
	}
	dial := tcp.Dialer(addr, nil)
	if role == "honest" {
		cl := harness.NewClient(dial, nil)
		require.NoError(t, cl.Connect(t.Context()))
		took := make([]time.Duration, count)
		for i := range took {
			start := time.Now()
			_, err := cl.CallBytes(t.Context(), "echo", []byte("how are you?"))
			require.NoError(t, err)
			took[i] = time.Since(start)
		}
		slices.Sort(took)
		fmt.Println("took", took[count/2].Nanoseconds(), took[count*99/100].Nanoseconds())
		require.NoError(t, cl.Close())
		return
	}
	flood := bytes.Repeat(wire.AppendCommand(nil, "flood", nil), 20_000)
	for range count {
		stream, err := dial.Dial(t.Context())
		require.NoError(t, err)
		go io.Copy(io.Discard, stream) //nolint:errcheck // until it is killed
		go func() {
			_, err := stream.Write(wire.AppendHello([]byte(wire.Preface), &wire.Hello{}))
			for err == nil {
				_, err = stream.Write(flood)
			}
		}()
	}
	fmt.Println("flooding")
	select {}
}

// BenchmarkFlood measures a call of an honest client while many clients send small commands as fast
// as they can. All clients run in processes of their own.
func BenchmarkFlood(b *testing.B) {
	for _, flooders := range []int{0, 4, 32} {
		b.Run(fmt.Sprint(flooders), func(b *testing.B) {
			l, _ := listen(b, "tcp")
			srv := harness.NewServer(nil)
			var handled atomic.Int64
			srv.OnBytes("flood", func(context.Context, *core.Conn, []byte) error { handled.Add(1); return nil })
			srv.HandleBytes("echo", func(_ context.Context, _ *core.Conn, p []byte) ([]byte, error) { return p, nil })
			serve(b, srv, l)
			child := func(role string, count int) (*exec.Cmd, io.Reader) {
				cmd := exec.Command(os.Args[0], "-test.run=^TestFloodChild$")
				cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d %s", floodEnv, role, count, l.Addr()))
				out, err := cmd.StdoutPipe()
				require.NoError(b, err)
				require.NoError(b, cmd.Start())
				return cmd, out
			}
			if flooders > 0 {
				cmd, out := child("flood", flooders)
				defer func() {
					cmd.Process.Kill() //nolint:errcheck // it has ended
					cmd.Wait()         //nolint:errcheck // it was killed
				}()
				_, err := fmt.Fscanln(out)
				require.Error(b, err) // a child says one word: all its clients are there
			}
			before, start := handled.Load(), time.Now()
			cmd, out := child("honest", b.N)
			var p50, p99 float64
			_, err := fmt.Fscanf(out, "took %f %f\n", &p50, &p99)
			require.NoError(b, err)
			b.ReportMetric(float64(handled.Load()-before)/time.Since(start).Seconds(), "flood/s")
			b.ReportMetric(p50, "honest-p50-ns")
			b.ReportMetric(p99, "honest-p99-ns")
			require.NoError(b, cmd.Wait())
		})
	}
}
