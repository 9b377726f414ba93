package natsrelay

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/stretchr/testify/require"
)

// NATS cuts a time to live to whole seconds, so that an entry would end before its node believes it.
func TestEntriesLiveWholeSeconds(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Options{})
	js, err := jetstream.New(connect(t, s.ClientURL()))
	require.NoError(t, err)
	b := newBucket(js, "hisock", 1)
	for ttl, want := range map[time.Duration]string{
		20 * time.Second:         "20s",
		20*time.Second + 1:       "21s",
		59900 * time.Millisecond: "1m0s",
		0:                        "",
	} {
		_, err := b.put(waiting(t), ttl.String(), nil, 0, ttl)
		require.NoError(t, err)
		stream, err := b.open(waiting(t))
		require.NoError(t, err)
		m, err := stream.GetLastMsgForSubject(waiting(t), b.subjects+ttl.String())
		require.NoError(t, err)
		require.Equal(t, want, m.Header.Get(jetstream.MsgTTLHeader))
	}
}
