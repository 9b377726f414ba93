//go:build !js

package tcp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport/transporttest"
)

func TestTLSHandshakeInfo(t *testing.T) {
	serverTLS, clientTLS := transporttest.Certificates(t)
	serverTLS.ClientAuth = tls.RequireAndVerifyClientCert
	l := listen(t, "localhost:0", &tcp.Options{TLS: serverTLS})
	dialled, accepted := connect(t, l, &tcp.Options{TLS: clientTLS})

	require.Equal(t, "tls", dialled.Info().Transport)
	state := dialled.Info().TLS()
	require.NotNil(t, state)
	require.Equal(t, "localhost", state.PeerCertificates[0].Subject.CommonName)

	require.Equal(t, "tls", accepted.Info().Transport)
	require.Equal(t, l.Addr(), accepted.Info().Local)
	state = accepted.Info().TLS()
	require.NotNil(t, state)
	require.True(t, state.HandshakeComplete)
	require.Equal(t, "ada", state.PeerCertificates[0].Subject.CommonName)
}

// A peer that connects and says nothing must not hold up Accept, and must not hold up Info.TLS
// while a read waits for the handshake.
func TestTLSSilentPeer(t *testing.T) {
	serverTLS, _ := transporttest.Certificates(t)
	l := listen(t, "127.0.0.1:0", &tcp.Options{TLS: serverTLS})
	dialRaw(t, l)
	conn := accept(t, l)
	require.Nil(t, conn.Info().TLS())

	reading := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		reading <- err
	}()
	require.Nil(t, conn.Info().TLS())
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(20*time.Millisecond)))
	var timeout interface{ Timeout() bool }
	require.ErrorAs(t, <-reading, &timeout)
	require.True(t, timeout.Timeout())
	require.Nil(t, conn.Info().TLS())
}

func TestTLSHandshakeErrors(t *testing.T) {
	serverTLS, clientTLS := transporttest.Certificates(t)
	_, stranger := transporttest.Certificates(t)
	wrongName := clientTLS.Clone()
	wrongName.ServerName = "example.com"

	tests := map[string]struct {
		client *tls.Config
		want   any // pointer to the type of the error
	}{
		"unknown authority": {stranger, new(x509.UnknownAuthorityError)},
		"wrong name":        {wrongName, new(x509.HostnameError)},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			l := listen(t, "127.0.0.1:0", &tcp.Options{TLS: serverTLS})
			served := make(chan error, 1)
			go func() {
				conn, err := l.Accept()
				if err == nil {
					_, err = conn.Read(make([]byte, 1))
					conn.Close()
				}
				served <- err
			}()
			conn, err := tcp.Dialer(l.Addr(), &tcp.Options{TLS: tc.client}).Dial(t.Context())
			require.ErrorAs(t, err, tc.want)
			require.ErrorContains(t, err, `tcp: TLS handshake with "`+l.Addr()+`": `)
			require.Nil(t, conn)
			require.ErrorContains(t, <-served, "bad certificate")
		})
	}
}

func TestMutualTLSWithoutCertificate(t *testing.T) {
	serverTLS, clientTLS := transporttest.Certificates(t)
	serverTLS.ClientAuth = tls.RequireAndVerifyClientCert
	clientTLS.Certificates = nil
	l := listen(t, "127.0.0.1:0", &tcp.Options{TLS: serverTLS})
	served := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			_, err = conn.Write([]byte("secret"))
			conn.Close()
		}
		served <- err
	}()
	conn, err := tcp.Dialer(l.Addr(), &tcp.Options{TLS: clientTLS}).Dial(t.Context())
	require.NoError(t, err, "the client's side of the handshake is over before the server looks")
	defer conn.Close()
	n, err := conn.Read(make([]byte, 10))
	require.ErrorContains(t, err, "certificate required")
	require.Zero(t, n)
	require.ErrorContains(t, <-served, "client didn't provide a certificate")
}

func TestTLSDialBounded(t *testing.T) {
	_, clientTLS := transporttest.Certificates(t)
	l := listen(t, "127.0.0.1:0", nil) // it accepts the connection and never answers
	ctx, cancel := context.WithCancel(t.Context())
	dialled := make(chan error, 1)
	go func() {
		_, err := tcp.Dialer(l.Addr(), &tcp.Options{TLS: clientTLS}).Dial(ctx)
		dialled <- err
	}()
	conn := accept(t, l)
	_, err := conn.Read(make([]byte, 1)) // the handshake is under way
	require.NoError(t, err)
	cancel()
	require.ErrorIs(t, <-dialled, context.Canceled)
}

func TestTLSGarbage(t *testing.T) {
	serverTLS, _ := transporttest.Certificates(t)
	l := listen(t, "127.0.0.1:0", &tcp.Options{TLS: serverTLS})
	raw := dialRaw(t, l)
	_, err := raw.Write([]byte("GET / HTTP/1.1\r\n\r\n"))
	require.NoError(t, err)
	conn := accept(t, l)
	var header tls.RecordHeaderError
	_, err = conn.Read(make([]byte, 1))
	require.ErrorAs(t, err, &header)
	_, err = conn.Read(make([]byte, 1))
	require.Error(t, err)
}

// If somebody ends the connection below TLS, that must not look like the peer's end of
// its direction.
func TestTLSCutShort(t *testing.T) {
	tests := map[string]struct {
		end  func(raw *net.TCPConn, conn *tls.Conn) error
		want error
	}{
		"in order": {func(raw *net.TCPConn, conn *tls.Conn) error { return conn.CloseWrite() }, io.EOF},
		"cut":      {func(raw *net.TCPConn, conn *tls.Conn) error { return raw.CloseWrite() }, io.ErrUnexpectedEOF},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			serverTLS, clientTLS := transporttest.Certificates(t)
			clientTLS.ServerName = "localhost"
			l := listen(t, "127.0.0.1:0", &tcp.Options{TLS: serverTLS})
			raw := dialRaw(t, l)
			writing := make(chan error, 1)
			go func() {
				client := tls.Client(raw, clientTLS)
				_, err := client.Write([]byte("pay 100"))
				if err == nil {
					err = tc.end(raw, client)
				}
				writing <- err
			}()
			conn := accept(t, l)
			got := make([]byte, len("pay 100"))
			_, err := io.ReadFull(conn, got)
			require.NoError(t, err)
			require.Equal(t, "pay 100", string(got))
			require.NoError(t, <-writing)
			for range 2 {
				_, err = conn.Read(got)
				require.ErrorIs(t, err, tc.want)
				require.Equal(t, tc.want == io.EOF, err == io.EOF)
			}
		})
	}
}

// Close must not wait for a peer that does not read, and must not fail because of
// that.
func TestTLSCloseStalled(t *testing.T) {
	serverTLS, clientTLS := transporttest.Certificates(t)
	l := listen(t, "127.0.0.1:0", &tcp.Options{TLS: serverTLS})
	dialled, _ := connect(t, l, &tcp.Options{TLS: clientTLS})
	require.NoError(t, dialled.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
	var err error
	for err == nil {
		_, err = dialled.Write(make([]byte, 64<<10))
	}
	var timeout interface{ Timeout() bool }
	require.ErrorAs(t, err, &timeout)
	require.NoError(t, dialled.Close())
}
