package link

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// carried returns the two ends of a connection over k, the end of the client first.
func carried(k *Link) (client, server net.Conn) {
	client, near := net.Pipe()
	far, server := net.Pipe()
	go k.Carry(near, far)
	return client, server
}

// takes reads n bytes and returns how long that took.
func takes(t *testing.T, c net.Conn, n int64) time.Duration {
	t.Helper()
	begin := time.Now()
	got, err := io.CopyN(io.Discard, c, n)
	require.NoError(t, err)
	require.Equal(t, n, got)
	return time.Since(begin)
}

func TestBytesComeAfterTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := carried(New(40*time.Millisecond, 1e9))
		defer client.Close()
		go client.Write(make([]byte, 100))
		require.InDelta(t, 60, takes(t, server, 100).Milliseconds(), 1, "the connection is made, and one way")
		go server.Write(make([]byte, 100))
		require.InDelta(t, 20, takes(t, client, 100).Milliseconds(), 1, "one way")
	})
}

func TestConnectionsShareTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const size = 200_000
		k := New(0, 1e6)
		begin := time.Now()
		done := make(chan struct{})
		for range 2 {
			client, server := carried(k)
			go server.Write(make([]byte, size))
			go func() {
				io.CopyN(io.Discard, client, size)
				client.Close()
				done <- struct{}{}
			}()
		}
		<-done
		<-done
		require.InDelta(t, 400, time.Since(begin).Milliseconds(), 5)
	})
}

func TestAnEndIsCarried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := carried(New(time.Millisecond, 1e6))
		go func() {
			server.Write([]byte("bye"))
			server.Close()
		}()
		all, err := io.ReadAll(client)
		require.NoError(t, err)
		require.Equal(t, "bye", string(all))
		client.Close()
	})
}

func TestListen(t *testing.T) {
	far, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer far.Close()
	go func() {
		c, err := far.Accept()
		if err == nil {
			io.Copy(c, c)
			c.Close()
		}
	}()
	l, err := New(time.Millisecond, 1e7).Listen(far.Addr().String())
	require.NoError(t, err)
	defer l.Close()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	_, err = c.Write([]byte("there and back"))
	require.NoError(t, err)
	require.NoError(t, c.(*net.TCPConn).CloseWrite())
	all, err := io.ReadAll(c)
	require.NoError(t, err)
	require.Equal(t, "there and back", string(all))
	c.Close()
}
