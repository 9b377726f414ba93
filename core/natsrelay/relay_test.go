package natsrelay

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/relaytest"
)

func TestRelay(t *testing.T) {
	relaytest.Run(t, relaytest.Suite{
		In: func(t *testing.T, run func(t *testing.T)) {
			t.Parallel() // most cases wait for leases
			run(t)
		},
		New: func(t *testing.T) *relaytest.Net {
			s := startServer(t, server.Options{})
			way := func(prefix string) *relaytest.Way {
				p := startPath(t, s.Addr().String())
				return &relaytest.Way{
					Relay: newRelay(t, Options{Servers: []string{p.url()}, Prefix: prefix, Lease: shortLease, MaxPending: 4 << 20}),
					Cut:   p.stop,
					Mend:  p.mend,
					Kill:  p.end,
				}
			}
			stranger := connect(t, s.ClientURL())
			return &relaytest.Net{
				Connect:  func() *relaytest.Way { return way("test") },
				Stranger: func() *relaytest.Way { return way("test.other") },
				Inject: func(topic string, payload []byte) {
					require.NoError(t, stranger.Publish("test."+topic, payload))
					require.NoError(t, stranger.Flush())
				},
			}
		},
	})
}
