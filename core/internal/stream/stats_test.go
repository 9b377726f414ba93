package stream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

func TestStats(t *testing.T) {
	client, server := newTable(false), newTable(true)
	var l Ledger
	l.Add(client)
	here, there := opened(t, client, server, 1)
	flush(t, client, server)
	for range 3 {
		require.True(t, here.SendNow(make([]byte, 100)))
	}
	s := client.Stats()
	require.Greater(t, s.Waiting, 300)
	require.Less(t, s.Waiting, 320)
	require.Equal(t, Stats{Open: 1, Sent: 3, SentBytes: 300, Waiting: s.Waiting}, s)
	require.Equal(t, Stats{Open: 1}, server.Stats())

	flush(t, client, server)
	require.Equal(t, Stats{Open: 1, Sent: 3, SentBytes: 300}, client.Stats())
	require.Equal(t, Stats{Open: 1, Received: 3, ReceivedBytes: 300, Held: 300}, server.Stats())
	for range 3 {
		_, st, err := there.TryNext()
		require.NoError(t, err)
		require.Equal(t, Done, st)
	}
	_, st, _ := there.TryNext()
	require.Equal(t, Wait, st)
	require.Equal(t, Stats{Open: 1, Received: 3, ReceivedBytes: 300}, server.Stats())

	// A ledger keeps the counts of a closed table, once.
	require.True(t, here.SendNow(make([]byte, 100)))
	require.Equal(t, client.Stats(), l.Stats())
	client.End(errTest)
	l.Close(client)
	l.Close(client)
	l.Add(server)
	require.Equal(t, Stats{Open: 1, Sent: 4, SentBytes: 400, Received: 3, ReceivedBytes: 300}, l.Stats())
}

// Bytes that come before the stream is known to carry bytes are not counted as items.
func TestStatsOfBytes(t *testing.T) {
	client, server := newTable(false), newTable(true)
	here, err := client.Open(client.ID(1), false)
	require.NoError(t, err)
	here.Begin(true)
	it := Item{Rest: make([]byte, 1000)}
	st, err := here.TrySend(&it)
	require.NoError(t, err)
	require.Equal(t, Done, st)
	there, v := server.Accept(&wire.OpenStream{ID: here.ID()})
	require.Equal(t, Fine, v)
	for _, b := range client.Pull(1<<20, time.Now()).Pieces {
		giveAll(t, server, b)
	}
	there.Begin(true)
	there.Begin(true)
	require.Equal(t, Stats{Open: 1, ReceivedBytes: 1000, Held: 1000}, server.Stats())
	require.Equal(t, Stats{Open: 1, SentBytes: 1000}, client.Stats())
}
