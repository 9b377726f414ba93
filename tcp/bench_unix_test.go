//go:build unix

package tcp_test

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
)

// BenchmarkPingPong sends 64 B there and back.
func BenchmarkPingPong(b *testing.B) {
	benchmarks := map[string]int{"Write": 1, "WriteBuffers": 4}
	for name, count := range benchmarks {
		b.Run(name, func(b *testing.B) {
			l, err := tcp.Listen("127.0.0.1:0", nil)
			require.NoError(b, err)
			defer l.Close()
			here, there := connect(b, l, nil)
			echoing := make(chan error, 1)
			go func() { echoing <- echo(there) }()

			p := make([]byte, 64)
			bufs := make([][]byte, count)
			pool := newOnePool(1024)
			b.ReportAllocs()
			b.SetBytes(int64(len(p)))
			for b.Loop() {
				for i := range bufs {
					bufs[i] = p[i*len(p)/count : (i+1)*len(p)/count]
				}
				if _, err := here.WriteBuffers(bufs); err != nil {
					b.Fatal(err)
				}
				for got := 0; got < len(p); {
					buf, n, err := here.(transport.ReadyReader).ReadReady(pool)
					if err != nil {
						b.Fatal(err)
					}
					got += n
					pool.Put(buf)
				}
			}
			require.NoError(b, here.CloseWrite())
			require.ErrorIs(b, <-echoing, io.EOF)
		})
	}
}

func echo(c transport.Conn) error {
	pool := newOnePool(1024)
	for {
		buf, n, err := c.(transport.ReadyReader).ReadReady(pool)
		if err != nil {
			return err
		}
		_, err = c.Write(buf[:n])
		pool.Put(buf)
		if err != nil {
			return err
		}
	}
}
