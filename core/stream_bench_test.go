//go:build !js

package core_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// BenchmarkStreamItems compares items of a stream with commands of the same size, over a connection that has carried traffic. A
// goroutine of the server sends, and waits for room; the client converts to []byte. As many bytes may be under way of both.
func BenchmarkStreamItems(b *testing.B) {
	for _, medium := range []string{"pipe", "tcp", "ws"} {
		for _, size := range []int{64, 1 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%dB/items", medium, size), func(b *testing.B) {
				ends := openBench(b, medium, func(srv *core.Server, _ *core.Client) {
					core.HandleStream(srv, "items", func(_ context.Context, _ *core.Conn, n int, send func([]byte) error) error {
						item := make([]byte, size)
						for range n {
							if err := send(item); err != nil {
								return err
							}
						}
						return nil
					})
				})
				ends.measure(b, size, func(n int) {
					got := 0
					for item, err := range core.Stream[[]byte](b.Context(), ends.client, "items", n) {
						if err != nil || len(item) != size {
							b.Fatal(len(item), err)
						}
						got++
					}
					require.Equal(b, n, got)
				})
			})
			b.Run(fmt.Sprintf("%s/%dB/commands", medium, size), func(b *testing.B) {
				left, done := 0, make(chan struct{})
				ends := openBench(b, medium, func(_ *core.Server, cl *core.Client) {
					core.On(cl, "item", func(context.Context, *core.Conn, []byte) error {
						if left--; left == 0 {
							done <- struct{}{}
						}
						return nil
					})
				})
				item := make([]byte, size)
				ends.measure(b, size, func(n int) {
					left = n
					for range n {
						if err := ends.atServer.Send("item", item, core.Wait(b.Context())); err != nil {
							b.Fatal(err)
						}
					}
					<-done
				})
			})
		}
	}
}

// BenchmarkStreamBytes sends bytes to the server, 64 KiB at a time.
func BenchmarkStreamBytes(b *testing.B) {
	for _, medium := range []string{"pipe", "tcp", "ws"} {
		b.Run(medium, func(b *testing.B) {
			ends := openBench(b, medium, func(srv *core.Server, _ *core.Client) {
				core.HandleByteStream(srv, "bytes", func(_ context.Context, _ *core.Conn, _ struct{}, s *core.ByteStream) error {
					_, err := io.Copy(io.Discard, s)
					return err
				})
			})
			p := make([]byte, 64<<10)
			ends.measure(b, len(p), func(n int) {
				s, err := core.OpenByteStream(b.Context(), ends.client, "bytes", nil)
				require.NoError(b, err)
				for range n {
					if _, err := s.Write(p); err != nil {
						b.Fatal(err)
					}
				}
				require.NoError(b, s.CloseWrite())
				_, err = io.ReadAll(s)
				require.NoError(b, err)
			})
		})
	}
}

// benchEnds are both ends of a connection.
type benchEnds struct {
	client   *core.Client
	atServer *core.Conn
}

// openBench connects a client to a server, both of which set has given handlers.
func openBench(b *testing.B, medium string, set func(*core.Server, *core.Client)) *benchEnds {
	const window = 512 << 10 // bytes: as much as of commands that wait for room
	l, d := listen(b, medium)
	srv, err := core.NewServer(&core.ServerOptions{Limits: core.Limits{StreamWindow: window}})
	require.NoError(b, err)
	cl, err := core.NewClient(d, &core.ClientOptions{StreamWindow: window})
	require.NoError(b, err)
	joined := make(chan *core.Conn, 1)
	srv.OnJoin(func(c *core.Conn) { joined <- c })
	set(srv, cl)
	serve(b, srv, l)
	require.NoError(b, cl.Connect(b.Context()))
	b.Cleanup(func() { cl.Close() }) //nolint:errcheck // nothing to be done about it
	return &benchEnds{cl, <-joined}
}

// measure runs send for b.N items of that size, once others have been sent.
func (e *benchEnds) measure(b *testing.B, size int, send func(n int)) {
	b.Helper()
	send(4<<20/size + 1)
	b.SetBytes(int64(size))
	b.ReportAllocs()
	b.ResetTimer()
	send(b.N)
}
