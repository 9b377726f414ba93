//go:build !js

package ws

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// BenchmarkPingPong sends one message there and one back over loopback.
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

// BenchmarkStream sends in one direction, in writes of 16 buffers of 1 KiB, and reads as package
// core does.
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

// BenchmarkRead reads messages of a client that come without a break, as package core reads.
// One operation is one message.
func BenchmarkRead(b *testing.B) {
	for _, size := range []int{64, 1 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			peer, c := rawPair(b)
			message := appendFrame(nil, frame{opBinary, true, string(make([]byte, size))})
			many := bytes.Repeat(message, max(1, 64<<10/len(message)))
			go func() {
				for {
					if _, err := peer.Conn.Write(many); err != nil {
						return
					}
				}
			}()
			pool := newBufferPool()
			b.SetBytes(int64(size))
			b.ReportAllocs()
			b.ResetTimer()
			for read := 0; read < b.N*size; {
				buf, n, err := c.ReadReady(pool)
				if err != nil {
					b.Fatal(err)
				}
				read += n
				pool.Put(buf)
			}
		})
	}
}

// BenchmarkWrite writes messages to a peer that discards them.
func BenchmarkWrite(b *testing.B) {
	for _, from := range []string{"client", "server"} {
		for _, size := range []int{64, 1 << 10, 64 << 10} {
			b.Run(fmt.Sprintf("%s/%dB", from, size), func(b *testing.B) {
				near, far := socketPair(b)
				go io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{far})
				c := newConn(near, nil, transport.Info{}, from == "client")
				p := make([]byte, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := c.Write(p); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// socketPair connects two sockets without a handshake.
func socketPair(b *testing.B) (near, far net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer l.Close()
	near, err = net.Dial("tcp", l.Addr().String())
	require.NoError(b, err)
	far, err = l.Accept()
	require.NoError(b, err)
	b.Cleanup(func() {
		near.Close()
		far.Close()
	})
	return near, far
}

// BenchmarkDecode decodes messages in memory, 16 KiB at a time.
func BenchmarkDecode(b *testing.B) {
	for _, size := range []int{64, 1 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			message := appendFrameWith(nil, frame{opBinary, true, string(make([]byte, size))}, &[4]byte{1, 2, 3, 4})
			wire := bytes.Repeat(message, 64)
			buf := make([]byte, 16<<10)
			d := decoder{masked: true}
			b.SetBytes(int64(len(wire)))
			b.ReportAllocs()
			for b.Loop() {
				for rest := wire; len(rest) > 0; {
					n := copy(buf, rest)
					rest = rest[n:]
					if _, _, _, err := d.next(buf[:n], 0, 0); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

func BenchmarkMask(b *testing.B) {
	for _, size := range []int{64, 1 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("%dB", size), func(b *testing.B) {
			p := make([]byte, size)
			key := uint32(0x01020304)
			b.SetBytes(int64(size))
			for b.Loop() {
				key = mask(p, p, key)
			}
		})
	}
}

func drain(r transport.ReadyReader) error {
	pool := newBufferPool()
	for {
		buf, _, err := r.ReadReady(pool)
		if err != nil {
			return err
		}
		pool.Put(buf)
	}
}

type bufferPool struct{ sync.Pool }

func newBufferPool() *bufferPool {
	pool := &bufferPool{}
	pool.New = func() any { return new([16 << 10]byte) }
	return pool
}

func (p *bufferPool) Get() []byte    { return p.Pool.Get().(*[16 << 10]byte)[:] }
func (p *bufferPool) Put(buf []byte) { p.Pool.Put((*[16 << 10]byte)(buf)) }
