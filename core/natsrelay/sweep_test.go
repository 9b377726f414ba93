package natsrelay

import (
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"
)

// A cluster has many claims and few leases.
func TestSweepLooksEachLeaseUpOnce(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Options{})
	r := newRelay(t, Options{Servers: []string{s.ClientURL()}})
	n, l := joinNode(t, r, "n")
	other, m := joinNode(t, r, "m")
	until(t, "both are up", func() bool { return l.ups.Load() == 1 && m.ups.Load() == 1 })
	for i := range 20 {
		mustClaim(t, n, "n"+strconv.Itoa(i), "v")
		mustClaim(t, other, "m"+strconv.Itoa(i), "v")
	}
	var looks atomic.Int32
	stranger := connect(t, s.ClientURL())
	_, err := stranger.Subscribe("$JS.API.STREAM.MSG.GET.KV_hisock", func(msg *nats.Msg) {
		if strings.Contains(string(msg.Data), leaseEntry) {
			looks.Add(1)
		}
	})
	require.NoError(t, err)
	require.NoError(t, stranger.Flush())
	removed, err := n.sweep(waiting(t))
	require.NoError(t, err)
	require.Zero(t, removed)
	_, ok, err := n.Lookup(waiting(t), "m0") // it is asked for after all others
	require.NoError(t, err)
	require.True(t, ok)
	until(t, "the look-up is heard of", func() bool { return looks.Load() >= 3 })
	require.NoError(t, stranger.Flush())
	require.EqualValues(t, 3, looks.Load(), "two for the sweep, one for the look-up")
}

// One sweep is enough for the whole cluster.
func TestOneNodeSweepsAtATime(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Options{})
	r := newRelay(t, Options{Servers: []string{s.ClientURL()}})
	gone, _ := joinNode(t, r, "gone")
	n, l := joinNode(t, r, "n")
	other, m := joinNode(t, r, "m")
	until(t, "both are up", func() bool { return l.ups.Load() == 1 && m.ups.Load() == 1 })
	mustClaim(t, gone, "a", "v")
	require.NoError(t, gone.Close(waiting(t)))
	removed, err := n.sweepInTurn(waiting(t))
	require.NoError(t, err)
	require.Equal(t, 1, removed)

	late, _ := joinNode(t, r, "late")
	mustClaim(t, late, "b", "v")
	require.NoError(t, late.Close(waiting(t)))
	removed, err = other.sweepInTurn(waiting(t))
	require.NoError(t, err)
	require.Zero(t, removed, "it is not its turn")
	_, err = connect(t, s.ClientURL()).Request("$KV.hisock.sweep", []byte("\x00garbage"), 10*time.Second)
	require.NoError(t, err)
	removed, err = other.sweepInTurn(waiting(t))
	require.NoError(t, err)
	require.Equal(t, 1, removed, "no node wrote that another one has the turn")
}
