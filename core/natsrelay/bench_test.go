package natsrelay

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// A counter is a handler that counts messages.
type counter struct {
	up  chan struct{}
	got atomic.Int64
}

func (c *counter) Message(string, []byte) { c.got.Add(1) }
func (c *counter) Up()                    { close(c.up) }
func (c *counter) Down(error)             {}
func (c *counter) Lost(int)               {}
func (c *counter) ClaimsLost()            {}

// BenchmarkPublish sends messages of 128 B from one node to another, in batches of 32, and beside it the same messages over two plain connections to
// NATS: a message is done when the other side has it. No more than 4,096 are under way.
func BenchmarkPublish(b *testing.B) {
	const size, batchLen, under = 128, 32, 4096
	start := func(b *testing.B) string {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true, JetStream: true, StoreDir: b.TempDir()})
		require.NoError(b, err)
		s.Start()
		b.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		require.True(b, s.ReadyForConnections(10*time.Second))
		return s.ClientURL()
	}
	run := func(b *testing.B, got *atomic.Int64, send func()) {
		b.SetBytes(size)
		for sent := int64(0); b.Loop(); {
			if sent%batchLen == 0 {
				send()
			}
			sent++
			for sent-got.Load() > under {
				time.Sleep(20 * time.Microsecond)
			}
		}
	}
	b.Run("relay", func(b *testing.B) {
		r, err := New(Options{Servers: []string{start(b)}})
		require.NoError(b, err)
		var nodes [2]core.RelayNode
		var heard [2]*counter
		for i := range nodes {
			heard[i] = &counter{up: make(chan struct{})}
			nodes[i], err = r.Join(b.Context(), string(rune('a'+i)), heard[i])
			require.NoError(b, err)
			<-heard[i].up
		}
		require.NoError(b, nodes[1].Subscribe("t"))
		batch := make([]core.RelayMessage, batchLen)
		for i := range batch {
			batch[i] = core.RelayMessage{Topic: "t", Payload: make([]byte, size)}
		}
		time.Sleep(100 * time.Millisecond) // the subscription is on its way
		run(b, &heard[1].got, func() {
			if _, err := nodes[0].Publish(batch); err != nil {
				b.Fatal(err)
			}
		})
		for _, n := range nodes {
			n.Close(b.Context()) //nolint:errcheck // it is the end
		}
	})
	b.Run("plain", func(b *testing.B) {
		url := start(b)
		from, err := nats.Connect(url)
		require.NoError(b, err)
		defer from.Close()
		to, err := nats.Connect(url)
		require.NoError(b, err)
		defer to.Close()
		var got atomic.Int64
		_, err = to.Subscribe("hisock.t", func(*nats.Msg) { got.Add(1) })
		require.NoError(b, err)
		require.NoError(b, to.Flush())
		payload := make([]byte, size)
		run(b, &got, func() {
			for range batchLen {
				if err := from.Publish("hisock.t", payload); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
}
