package natsrelay

import (
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// A tally is a handler that counts messages.
type tally struct{ got atomic.Int64 }

func (c *tally) Appended(_ string, p core.HistoryPart) { c.got.Add(int64(len(p.Messages))) }
func (c *tally) Missed()                               {}

// BenchmarkHistory appends messages of 128 B to files of NATS, and waits until a server that follows the groups has them: one by one, in batches as core makes them while
// messages wait, to one group and to 64; and beside it plain messages, published to a stream without waiting for each answer.
func BenchmarkHistory(b *testing.B) {
	const size = 128
	start := func(b *testing.B) string {
		s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, NoLog: true, NoSigs: true, JetStream: true, StoreDir: b.TempDir()})
		require.NoError(b, err)
		s.Start()
		b.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
		require.True(b, s.ReadyForConnections(10*time.Second))
		return s.ClientURL()
	}
	run := func(b *testing.B, batchLen, groups int) {
		s, err := NewHistory(HistoryOptions{Servers: []string{start(b)}})
		require.NoError(b, err)
		heard := &tally{}
		log, err := s.Open(b.Context(), "b", core.HistoryRules{Messages: 1000, Bytes: 1 << 20}, heard)
		require.NoError(b, err)
		b.Cleanup(func() { log.Close(b.Context()) }) //nolint:errcheck // it is the end
		for g := range groups {
			require.NoError(b, log.Follow("g"+strconv.Itoa(g)))
			_, err := log.Read(b.Context(), "g"+strconv.Itoa(g), 0, 0)
			require.NoError(b, err)
		}
		batch := make([]core.HistoryMessage, batchLen)
		b.SetBytes(size)
		sent := int64(0)
		for b.Loop() {
			batch[sent%int64(batchLen)] = core.HistoryMessage{Group: "g" + strconv.Itoa(int(sent)%groups), ID: strconv.FormatInt(sent, 36), Data: make([]byte, size)}
			if sent++; sent%int64(batchLen) != 0 {
				continue
			}
			if err := log.Append(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
		for heard.got.Load() < sent/int64(batchLen)*int64(batchLen) {
			time.Sleep(20 * time.Microsecond)
		}
	}
	b.Run("one by one", func(b *testing.B) { run(b, 1, 1) })
	b.Run("one group", func(b *testing.B) { run(b, 512, 1) })
	b.Run("64 groups", func(b *testing.B) { run(b, 512, 64) })
	b.Run("plain", func(b *testing.B) {
		nc, err := nats.Connect(start(b))
		require.NoError(b, err)
		defer nc.Close()
		js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(4096))
		require.NoError(b, err)
		_, err = js.CreateStream(b.Context(), jetstream.StreamConfig{Name: "s", Subjects: []string{"s.*"}, MaxMsgsPerSubject: 1000})
		require.NoError(b, err)
		payload := make([]byte, size)
		b.SetBytes(size)
		for b.Loop() {
			if _, err := js.PublishAsync("s.g", payload); err != nil {
				b.Fatal(err)
			}
		}
		<-js.PublishAsyncComplete()
	})
}
