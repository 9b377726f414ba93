package tcp_test

import (
	"fmt"
	"testing"

	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport"
)

// BenchmarkUnsentBytes writes as fast as the peer reads, with small and large values of UnsentBytes.
func BenchmarkUnsentBytes(b *testing.B) {
	for _, unsent := range []int{0, 16 << 10, 128 << 10} {
		for _, size := range []int{1 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("%d KiB/%d KiB", unsent>>10, size>>10), func(b *testing.B) {
				opts := &tcp.Options{UnsentBytes: unsent}
				near, far := connect(b, listen(b, "127.0.0.1:0", opts), opts)
				done := make(chan error, 1)
				go func() {
					pool := newOnePool(136 << 10)
					for {
						buf, _, err := far.(transport.ReadyReader).ReadReady(pool)
						if err != nil {
							done <- err
							return
						}
						pool.Put(buf)
					}
				}()
				p := make([]byte, size)
				b.SetBytes(int64(size))
				for b.Loop() {
					if _, err := near.Write(p); err != nil {
						b.Fatal(err)
					}
				}
				near.CloseWrite() //nolint:errcheck // the reader tells
				<-done
			})
		}
	}
}
