package web

import (
	"bufio"
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A pipes is a listener for connections in memory.
type pipes struct{ conns chan net.Conn }

func (l pipes) Accept() (net.Conn, error) {
	c, ok := <-l.conns
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (l pipes) Close() error   { close(l.conns); return nil }
func (l pipes) Addr() net.Addr { return &net.TCPAddr{} }

// A connection is closed if it sends nothing, only the beginning of a request, or one request and then
// nothing. A connection that reads its answer slowly is not closed.
func TestServerClosesIdleConnections(t *testing.T) {
	const ask = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	tests := map[string]struct {
		says string
		ends time.Duration
	}{
		"nothing":              {"", 5 * time.Second},
		"half of a header":     {ask[:20], 5 * time.Second},
		"half of a body":       {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf", 10 * time.Second},
		"a request, then none": {ask, 15 * time.Second},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				srv := NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					io.Copy(io.Discard, r.Body) //nolint:errcheck // reading it is the test
				}))
				l := pipes{make(chan net.Conn, 1)}
				served := make(chan error, 1)
				go func() { served <- srv.Serve(l) }()
				near, far := net.Pipe()
				l.conns <- far
				start := time.Now()
				go io.WriteString(near, tc.says) //nolint:errcheck // it may be closed by then
				_, err := io.Copy(io.Discard, bufio.NewReader(near))
				require.NoError(t, err)
				require.InDelta(t, tc.ends, time.Since(start), float64(time.Second))
				require.NoError(t, srv.Close())
				require.ErrorIs(t, <-served, http.ErrServerClosed)
			})
		})
	}
}

// Clients cannot fill the log. A line says how many lines were left out.
func TestServerLogIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		log.SetOutput(&out)
		defer log.SetOutput(os.Stderr)
		say := NewServer(nil).ErrorLog
		for range 10_000 {
			say.Print("http: TLS handshake error")
		}
		require.Equal(t, 50, strings.Count(out.String(), "\n"))
		out.Reset()
		time.Sleep(3 * time.Second)
		for range 10 {
			say.Print("http: TLS handshake error")
		}
		require.Equal(t, 3, strings.Count(out.String(), "\n"))
		require.Contains(t, out.String(), "(9950 lines left out before)")
		out.Reset()
		time.Sleep(time.Hour)
		for range 100 {
			say.Print("later")
		}
		require.Equal(t, 50, strings.Count(out.String(), "\n"))
		require.Contains(t, out.String(), "(7 lines left out before)")
	})
}
