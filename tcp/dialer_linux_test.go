package tcp

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport/transporttest"
)

// A deadline that passes before there is a connection is reported as any other is, whether the
// socket notices it first or the context.
func TestDialDeadlineBeforeConnection(t *testing.T) {
	addr := transporttest.Full(t)
	for range 50 {
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		_, err := Dialer(addr, nil).Dial(ctx)
		cancel()
		require.ErrorIs(t, err, context.DeadlineExceeded)
	}
}

// The zone of an IPv6 address says over which interface it is reached: no certificate names it.
func TestDialZoneOverTLS(t *testing.T) {
	server, client := transporttest.Certificates(t)
	client = client.Clone()
	client.ServerName = "" // that of the address
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
