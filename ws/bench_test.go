//go:build !js

package ws

import (
	"fmt"
	"io"
	"sync"
	"testing"

	"github.com/hisock/hisock/transport"
)

// BenchmarkPingPong is one message there and one back over loopback.
func BenchmarkPingPong(b *testing.B) {
	for _, size := range []int{64, 1024, 16 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			client, server := pair(b)
			done := make(chan error, 1)
			go func() {
				buf := make([]byte, size)
				for {
					if _, err := io.ReadFull(server, buf); err != nil {
						done <- err
						return
					}
					if _, err := server.Write(buf); err != nil {
						done <- err
						return
					}
				}
			}()
			buf := make([]byte, size)
			b.SetBytes(int64(2 * size))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := client.Write(buf); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(client, buf); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			client.Close()
			<-done
		})
	}
}

// BenchmarkStream is one direction, in writes of 16 buffers of 1 KiB, read as the core
// reads.
func BenchmarkStream(b *testing.B) {
	for _, from := range []string{"client", "server"} {
		b.Run("from "+from, func(b *testing.B) {
			reader, writer := pair(b)
			if from == "client" {
				reader, writer = writer, reader
			}
			done := make(chan error, 1)
			go func() { done <- drain(reader) }()
			bufs := make([][]byte, 16)
			for i := range bufs {
				bufs[i] = make([]byte, 1024)
			}
			b.SetBytes(16 << 10)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := writer.WriteBuffers(bufs); err != nil {
					b.Fatal(err)
				}
			}
			b.StopTimer()
			writer.CloseWrite()
			if err := <-done; err != io.EOF {
				b.Fatal(err)
			}
		})
	}
}

func drain(r transport.ReadyReader) error {
	pool := &bufferPool{}
	pool.New = func() any { return new([16 << 10]byte) }
	for {
		buf, _, err := r.ReadReady(pool)
		if err != nil {
			return err
		}
		pool.Put(buf)
	}
}

type bufferPool struct{ sync.Pool }

func (p *bufferPool) Get() []byte    { return p.Pool.Get().(*[16 << 10]byte)[:] }
func (p *bufferPool) Put(buf []byte) { p.Pool.Put((*[16 << 10]byte)(buf)) }
