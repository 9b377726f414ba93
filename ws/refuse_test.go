//go:build !js

package ws

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport/transporttest"
)

// A page that is not let in is sent the reason in its own protocol. The bytes that it sends are not
// used.
func TestRefuseWith(t *testing.T) {
	rejected := make(chan error, 1)
	l := newTestListener(&Options{Origins: []string{"https://example.com"}, OnReject: func(_ *http.Request, err error) { rejected <- err }})
	l.RefuseWith(func(reason string) []byte { return []byte("no: " + reason) })
	url, stop := serve(t, l, nil)
	defer stop()
	page := Dialer(url, &DialOptions{Header: http.Header{"Origin": {"https://evil.example"}}})
	c, err := page.Dial(t.Context())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(transporttest.Patience)))
	_, err = c.Write([]byte("hello"))
	require.NoError(t, err)

	const reason = `origin "https://evil.example" is not allowed`
	got, err := io.ReadAll(c)
	require.Equal(t, "no: "+reason, string(got))
	var closed *CloseError
	require.ErrorAs(t, err, &closed)
	require.Equal(t, CloseError{Code: 1008, Reason: reason}, *closed)
	c.Close()
	var reject *RejectError
	require.ErrorAs(t, <-rejected, &reject)
	require.Equal(t, http.StatusSwitchingProtocols, reject.Status)
	require.Equal(t, reason, reject.Reason)

	select {
	case <-l.conns:
		t.Fatal("it came in")
	default:
	}
	l.RefuseWith(nil)
	_, err = page.Dial(t.Context())
	var answer *HandshakeError
	require.ErrorAs(t, err, &answer)
	require.Equal(t, http.StatusForbidden, answer.Status)
	<-rejected
}

// If a proxy on the same machine is not listed in Proxies, the page is told so.
func TestRefuseWithHostOnLoopback(t *testing.T) {
	l := newTestListener(nil)
	l.RefuseWith(func(reason string) []byte { return []byte(reason) })
	url, stop := serve(t, l, nil)
	defer stop()
	c, err := Dialer(url, &DialOptions{Header: http.Header{"Host": {"chat.example"}, "Origin": {"https://chat.example"}}}).Dial(t.Context())
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.SetReadDeadline(time.Now().Add(transporttest.Patience)))
	got, err := io.ReadAll(c)
	require.Equal(t, `host "chat.example" on a loopback address: the server must list the origin in Origins, or its proxy in Proxies`, string(got))
	var closed *CloseError
	require.ErrorAs(t, err, &closed)
	require.Equal(t, 1008, closed.Code)
}

// Only pages are told the reason, and only if the reason is the origin.
func TestRefuseWithHTTP(t *testing.T) {
	l := newTestListener(&Options{Origins: []string{"https://example.com"}, Hosts: []string{"127.0.0.1"}})
	l.RefuseWith(func(reason string) []byte { return []byte(reason) })
	url, stop := serve(t, l, nil)
	defer stop()
	tests := map[string]http.Header{
		"another host":     {"Host": {"evil.example"}, "Origin": {"https://evil.example"}},
		"host, no page":    {"Host": {"evil.example"}},
		"several origins":  {"Origin": {"https://evil.example", "https://example.com"}},
		"malformed origin": {"Origin": {"evil"}},
	}
	for name, header := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Dialer(url, &DialOptions{Header: header}).Dial(t.Context())
			var answer *HandshakeError
			require.ErrorAs(t, err, &answer)
			require.Equal(t, http.StatusForbidden, answer.Status)
		})
	}
	r, err := http.NewRequest(http.MethodGet, strings.Replace(url, "ws", "http", 1), nil)
	require.NoError(t, err)
	r.Header.Set("Origin", "https://evil.example")
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	response.Body.Close()
	require.Equal(t, http.StatusForbidden, response.StatusCode, "no handshake at all")
}

// Refused pages that do not close take only the places for refused pages, and only for a moment.
func TestRefuseWithBound(t *testing.T) {
	l := newTestListener(&Options{Origins: []string{"https://example.com"}})
	l.RefuseWith(func(string) []byte { return []byte("no") })
	url, stop := serve(t, l, nil)
	defer stop()
	page := Dialer(url, &DialOptions{Header: http.Header{"Origin": {"https://evil.example"}}})
	var all sync.WaitGroup
	results := make(chan error, 2*maxRefusing)
	for range cap(results) {
		all.Go(func() {
			c, err := page.Dial(t.Context())
			results <- err
			if err == nil {
				defer c.Close()
				for n := 0; n < 10; n++ { // the page does not stop sending
					if _, err := c.Write(make([]byte, 16<<10)); err != nil {
						return
					}
				}
			}
		})
	}
	all.Wait()
	close(results)
	for err := range results {
		var answer *HandshakeError
		if errors.As(err, &answer) {
			require.Equal(t, http.StatusForbidden, answer.Status)
		}
	}
	good, server := connect(t, l, Dialer(url, nil))
	good.Close()
	server.Close()
}
