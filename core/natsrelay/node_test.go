package natsrelay

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/stretchr/testify/require"
)

// No time-out of NATS' client ends anything in a test with such a lease.
const endlessLease = 10 * time.Hour

// inTime returns what f returns, if that is soon.
func inTime(t *testing.T, what string, f func() error) error {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(patience):
		require.Fail(t, what+": not in time")
		return nil
	}
}

func TestJoinEndsWithItsContext(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	r := newRelay(t, Options{Servers: []string{"nats://" + silent.Addr().String()}, Lease: endlessLease})
	ctx, cancel := context.WithCancel(context.Background())
	err = inTime(t, "Join", func() error {
		time.AfterFunc(100*time.Millisecond, cancel)
		_, err := r.Join(ctx, "n", &listener{})
		return err
	})
	require.ErrorIs(t, err, context.Canceled)
}

func TestCloseEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Options{})
	p := startPath(t, s.Addr().String())
	n, l := joinNode(t, newRelay(t, Options{Servers: []string{p.url()}, Lease: endlessLease}), "n")
	until(t, "it is up", func() bool { return l.ups.Load() == 1 })
	p.stop()
	ctx, cancel := context.WithCancel(context.Background())
	first := make(chan error, 1)
	go func() { first <- n.Close(ctx) }()
	until(t, "it is closing", n.isClosed)
	ended, end := context.WithCancel(context.Background())
	end()
	require.ErrorIs(t, inTime(t, "a second Close", func() error { return n.Close(ended) }), context.Canceled)
	cancel()
	require.ErrorIs(t, inTime(t, "Close", func() error { return <-first }), context.Canceled)
	p.mend()
	require.ErrorIs(t, inTime(t, "Close once more", func() error { return n.Close(waiting(t)) }), context.Canceled)
}
