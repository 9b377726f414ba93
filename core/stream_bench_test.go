//go:build !js

package core_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/tcp"
)

// BenchmarkStream sends items of a stream over loopback, and commands of the same size for
// comparison.
func BenchmarkStream(b *testing.B) {
	for _, size := range []int{64, 1 << 10, 64 << 10} {
		b.Run(fmt.Sprint("items ", size), func(b *testing.B) {
			srv, cl := benchStreams(b, func(srv *core.Server, done chan struct{}) {
				core.HandleStream(srv, "items", func(_ context.Context, _ *core.Conn, n int, send func([]byte) error) error {
					p := make([]byte, size)
					for range n {
						if err := send(p); err != nil {
							return err
						}
					}
					return nil
				})
			})
			defer srv.Shutdown(context.Background()) //nolint:errcheck // over
			defer cl.Close()
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			for p, err := range core.Stream[[]byte](context.Background(), cl, "items", b.N) {
				if err != nil || len(p) != size {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprint("commands ", size), func(b *testing.B) {
			done := make(chan struct{})
			srv, cl := benchStreams(b, func(srv *core.Server, _ chan struct{}) {
				n := 0
				srv.OnBytes("item", func(_ context.Context, _ *core.Conn, p []byte) error {
					if n++; n == b.N {
						close(done)
					}
					return nil
				})
			})
			defer srv.Shutdown(context.Background()) //nolint:errcheck // over
			defer cl.Close()
			p := make([]byte, size)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				if err := cl.SendBytes("item", p, core.Wait(context.Background())); err != nil {
					b.Fatal(err)
				}
			}
			<-done
		})
	}
	b.Run("bytes", func(b *testing.B) {
		srv, cl := benchStreams(b, func(srv *core.Server, _ chan struct{}) {
			core.HandleByteStream(srv, "bytes", func(_ context.Context, _ *core.Conn, _ struct{}, s *core.ByteStream) error {
				_, err := io.Copy(io.Discard, s)
				return err
			})
		})
		defer srv.Shutdown(context.Background()) //nolint:errcheck // over
		defer cl.Close()
		s, err := core.OpenByteStream(context.Background(), cl, "bytes", nil)
		require.NoError(b, err)
		p := make([]byte, 64<<10)
		b.SetBytes(int64(len(p)))
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			if _, err := s.Write(p); err != nil {
				b.Fatal(err)
			}
		}
		require.NoError(b, s.CloseWrite())
		_, err = io.ReadAll(s)
		require.NoError(b, err)
	})
}

func benchStreams(b *testing.B, set func(*core.Server, chan struct{})) (*core.Server, *core.Client) {
	srv, err := core.NewServer(nil)
	require.NoError(b, err)
	set(srv, nil)
	lis, err := tcp.Listen("127.0.0.1:0", nil)
	require.NoError(b, err)
	go srv.Serve(context.Background(), lis) //nolint:errcheck // until Shutdown
	cl, err := core.NewClient(tcp.Dialer(lis.Addr(), nil), nil)
	require.NoError(b, err)
	require.NoError(b, cl.Connect(context.Background()))
	return srv, cl
}
