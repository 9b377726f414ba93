//go:build !js

package tcp

import (
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// The peer reads all bytes that were written before a reset, and then gets an error.
func TestReset(t *testing.T) {
	l, err := Listen("127.0.0.1:0", nil)
	require.NoError(t, err)
	defer l.Close()
	a, err := Dialer(l.Addr(), nil).Dial(t.Context())
	require.NoError(t, err)
	b, err := l.Accept()
	require.NoError(t, err)
	defer b.Close()

	sent := make([]byte, 1<<20)
	for i := range sent {
		sent[i] = byte(i * i >> 8)
	}
	done := make(chan error, 1)
	go func() {
		_, err := a.Write(sent)
		done <- errors.Join(err, a.(transport.Resetter).Reset())
	}()
	got, err := io.ReadAll(b)
	require.NoError(t, <-done)
	require.Error(t, err, "not an orderly end")
	require.Equal(t, sent, got)
	_, err = a.Write([]byte("x"))
	require.ErrorIs(t, err, transport.ErrClosed)
}
