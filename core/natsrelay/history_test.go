package natsrelay

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/historytest"
)

// newHistory makes a store over some servers.
func newHistory(t *testing.T, o HistoryOptions) *History {
	t.Helper()
	s, err := NewHistory(o)
	require.NoError(t, err)
	return s
}

func TestHistorySuite(t *testing.T) {
	t.Parallel()
	historytest.Run(t, historytest.Suite{
		In: func(t *testing.T, run func(t *testing.T)) {
			t.Parallel()
			run(t)
		},
		New: func(t *testing.T) *historytest.Net {
			s := startServer(t, server.Options{})
			way := func(prefix string) *historytest.Way {
				p := startPath(t, s.Addr().String())
				return &historytest.Way{HistoryStore: newHistory(t, HistoryOptions{Servers: []string{p.url()}, Prefix: prefix}), Cut: p.stop, Mend: p.mend}
			}
			return &historytest.Net{
				Connect:  func() *historytest.Way { return way("app.one") },
				Stranger: func() *historytest.Way { return way("app.two") },
				Delete: func() {
					js, err := jetstream.New(connect(t, s.ClientURL()))
					require.NoError(t, err)
					require.NoError(t, js.DeleteStream(waiting(t), "HISTORY_app_-one"))
				},
			}
		},
	})
}

func TestHistoryOptions(t *testing.T) {
	for name, o := range map[string]HistoryOptions{
		"no servers":    {},
		"prefix":        {Servers: []string{"x"}, Prefix: "a b"},
		"replicas":      {Servers: []string{"x"}, Replicas: 2},
		"age":           {Servers: []string{"x"}, MaxAge: 1},
		"negative age":  {Servers: []string{"x"}, MaxAge: -1},
		"bytes":         {Servers: []string{"x"}, MaxBytes: 1},
		"small payload": {Servers: []string{"x"}, MaxPayload: 1},
	} {
		_, err := NewHistory(o)
		require.ErrorIs(t, err, ErrOptions, name)
	}
}
