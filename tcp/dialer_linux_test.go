package tcp

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport/transporttest"
)

// A deadline that passes during Dial is reported as context.DeadlineExceeded, whether the
// socket or the context notices it first.
func TestDialDeadlineBeforeConnection(t *testing.T) {
	addr := transporttest.Full(t)
	for range 50 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		_, err := Dialer(addr, nil).Dial(ctx)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}

// The zone of an IPv6 address names an interface of this machine, so no certificate has it.
func TestDialZoneOverTLS(t *testing.T) {
	server, client := transporttest.Certificates(t)
	client = client.Clone()
	client.ServerName = "" // so the host of the address counts
	l, err := Listen("[::1]:0", &Options{TLS: server})
	require.NoError(t, err)
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			c.Read(make([]byte, 1)) //nolint:errcheck // for the handshake
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr())
	require.NoError(t, err)
	c, err := Dialer("[::1%lo]:"+port, &Options{TLS: client}).Dial(t.Context())
	require.NoError(t, err)
	c.Close()
}
