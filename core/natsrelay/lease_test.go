package natsrelay

import (
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// The keeper does not hear of a renewal that is under way when the node is closed.
func TestCloseEndsALeaseThatWasJustRenewed(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Options{})
	r := newRelay(t, Options{Servers: []string{s.ClientURL()}})
	n, _ := joinNode(t, r, "n")
	other, _ := joinNode(t, r, "other")
	mustClaim(t, n, "k", "n")
	mustClaim(t, other, "k2", "other")
	n.mu.Lock()
	own := n.lease
	n.mu.Unlock()
	_, err := n.store().put(waiting(t), leaseEntry+own.id, []byte(alive), own.revision, longLease)
	require.NoError(t, err)
	require.NoError(t, n.Close(waiting(t)))
	mine, _, err := other.Claim(waiting(t), "k", []byte("other"))
	require.NoError(t, err)
	require.True(t, mine)
}
