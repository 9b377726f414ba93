//go:build !js

package ws

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/transporttest"
)

// withLines returns a good handshake with additional lines.
func withLines(lines string) string { return edit("\r\n\r\n", "\r\n"+lines+"\r\n") }

// Answers to unusual requests. TestBadHandshakes has invalid ones.
func TestHostileHandshakes(t *testing.T) {
	many := func(count int, line func(i int) string) string {
		var b strings.Builder
		for i := range count {
			b.WriteString(line(i))
		}
		return b.String()
	}
	distinct := func(i int) string { return fmt.Sprintf("%x:\r\n", i) }
	same := func(int) string { return "a:\r\n" }
	tests := map[string]struct {
		request string
		status  int
		body    string // part of the answer's body
	}{
		"10,000 bytes in a header":    {withLines("X: " + strings.Repeat("x", 10_000) + "\r\n"), 101, ""},
		"200 headers":                 {withLines(many(200, distinct)), 101, ""},
		"too much in a header":        {withLines("X: " + strings.Repeat("x", 32<<10) + "\r\n"), 431, "header is too large"},
		"too long a URL":              {edit("GET /", "GET /?"+strings.Repeat("x", 32<<10)), 431, "header is too large"},
		"1000 headers":                {withLines(many(1000, distinct)), 431, "header is too large"},
		"100,000 headers":             {withLines(many(100_000, distinct)), 431, "header is too large"},
		"100,000 times one header":    {withLines(many(100_000, same)), 431, "header is too large"},
		"no host":                     {edit("Host: localhost\r\n", ""), 400, "Host"},
		"two hosts":                   {withLines("Host: evil.com\r\n"), 400, ""},
		"two origins":                 {withLines("Origin: http://localhost\r\nOrigin: http://evil.com\r\n"), 403, "several"},
		"host in the request line":    {edit("GET /", "GET http://evil.com/"), 101, ""},
		"origin of that":              {edit("GET / HTTP/1.1", "GET http://evil.com/ HTTP/1.1\r\nOrigin: http://evil.com"), 403, "loopback"},
		"two versions":                {edit("Version: 13", "Version: 8, 13"), 400, "version"},
		"key that is not base64":      {edit("AAAAAAAAAAAAAAAAAAAAAA==", "!!!!!!!!!!!!!!!!!!!!!!=="), 400, "Key"},
		"key of 17 bytes":             {edit("AAAAAAAAAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAAAAAAAAAA="), 400, "Key"},
		"name with a space":           {withLines("X : y\r\n"), 400, "header"},
		"line that goes on":           {withLines(" : y\r\n"), 400, ""},
		"zero byte":                   {withLines("X: a\x00b\r\n"), 400, ""},
		"body of both kinds":          {withLines("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + "3\r\nabc\r\n0\r\n\r\n", 101, ""},
		"unknown transfer encoding":   {withLines("Transfer-Encoding: gzip\r\n"), 501, ""},
		"negative length":             {withLines("Content-Length: -1\r\n"), 400, ""},
		"HTTP/2":                      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 426, "Upgrade"},
		"HTTP/1.10":                   {edit("HTTP/1.1", "HTTP/1.10"), 400, ""},
		"subprotocols and extensions": {withLines("Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Extensions: permessage-deflate; x=\"\r\n"), 101, ""},
	}
	h := newHall(t, nil)
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			p := dialRaw(t, h.url)
			require.NoError(t, p.SetDeadline(time.Now().Add(transporttest.Patience)))
			written := make(chan error, 1)
			go func() {
				_, err := io.WriteString(p.Conn, tc.request)
				written <- err
			}()
			require.Contains(t, p.wantStatus(tc.status), tc.body)
			h.check()
			require.NoError(t, p.Close())
			<-written
			if tc.status == http.StatusSwitchingProtocols {
				require.Error(t, h.wantEnded())
			}
			h.check()
		})
	}
}

// The bytes of a request's body are not taken for frames.
func TestHandshakeWithBody(t *testing.T) {
	h := newHall(t, nil)
	p := dialRaw(t, h.url)
	require.NoError(t, p.SetDeadline(time.Now().Add(transporttest.Patience)))
	p.send(withLines("Content-Length: 6\r\n") + "\x83\x80\x00\x00\x00\x00")
	p.wantStatus(http.StatusSwitchingProtocols)
	got, err := p.readAnswer()
	require.NoError(t, err)
	require.Equal(t, 1002, got.code)
	require.ErrorContains(t, h.wantEnded(), "opcode")
	h.check()
}

// MaxHeader bounds the request that a conn keeps.
func TestMaxHeader(t *testing.T) {
	r := request("localhost", loopback, false)
	r.RequestURI = "/" + strings.Repeat("x", 99)
	r.Header = http.Header{"A": {strings.Repeat("x", 99), ""}, "Bcd": {"x"}}
	size := headerSize(r)
	require.Equal(t, len("GET")+100+len("localhost")+(64+100)+(64+1)+(64+4), size)
	tests := map[string]struct {
		limit int
		ok    bool
	}{
		"just enough": {size, true},
		"too small":   {size - 1, false},
		"default":     {0, true},
		"no bound":    {-1, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			l := newTestListener(&Options{MaxHeader: tc.limit})
			err := l.begin(r, visitor{})
			require.Equal(t, tc.ok, err == nil, "%v", err)
			if !tc.ok {
				require.Equal(t, 431, err.Status)
			}
		})
	}
	r.Header.Set("X", strings.Repeat("x", 40<<10))
	require.NotNil(t, newTestListener(nil).begin(r, visitor{}))
	require.Nil(t, newTestListener(&Options{MaxHeader: -1}).begin(r, visitor{}))
}

// A memoryNet is a net.Listener in memory, for an HTTP server in a bubble.
type memoryNet struct {
	dialled chan net.Conn
	closed  chan struct{}
	once    sync.Once
}

func (m *memoryNet) Accept() (net.Conn, error) {
	select {
	case c := <-m.dialled:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memoryNet) Close() error {
	m.once.Do(func() { close(m.closed) })
	return nil
}

func (m *memoryNet) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

// headerTimeout is the time that a client of inMemory has to send its request.
const headerTimeout = 10 * time.Second

// inMemory runs f in a synctest bubble with an HTTP server whose root is l. dial connects to the server.
func inMemory(t *testing.T, opts *Options, f func(t *testing.T, l *Listener, dial func() *rawPeer)) {
	synctest.Test(t, func(t *testing.T) {
		l := newTestListener(opts)
		defer l.Close()
		m := &memoryNet{dialled: make(chan net.Conn), closed: make(chan struct{})}
		server := &http.Server{Handler: l, ReadHeaderTimeout: headerTimeout, ErrorLog: quietLog}
		served := make(chan error, 1)
		go func() { served <- server.Serve(m) }()
		f(t, l, func() *rawPeer {
			near, far := net.Pipe()
			m.dialled <- near
			t.Cleanup(func() { far.Close() })
			return newRawPeer(t, far)
		})
		require.NoError(t, server.Close())
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
}

// wantEcho sends a message and expects it back.
func (p *rawPeer) wantEcho(c transport.Conn, text string) {
	p.t.Helper()
	go func() {
		buf := make([]byte, len(text))
		if _, err := io.ReadFull(c, buf); err == nil {
			c.Write(buf)
		}
	}()
	p.sendFrame(opBinary, text)
	p.wantFrame(opBinary, text)
}

// A thousand peers begin a handshake and do not go on, and one peer sends a byte now and then. They
// delay nobody, and are disconnected when the server's time for headers is over.
func TestHalfOpenHandshakes(t *testing.T) {
	inMemory(t, nil, func(t *testing.T, l *Listener, dial func() *rawPeer) {
		start := time.Now()
		const strangers = 1000
		ends := make(chan time.Duration, strangers+1)
		for i := range strangers {
			p := dial()
			go func() {
				io.WriteString(p.Conn, goodHandshake[:i%len(goodHandshake)])
				io.Copy(io.Discard, p.r)
				ends <- time.Since(start)
			}()
		}
		drip := dial()
		dripped := make(chan struct{})
		go func() {
			for i := 0; ; i++ {
				if _, err := io.WriteString(drip.Conn, goodHandshake[i:i+1]); err != nil {
					close(dripped)
					return
				}
				time.Sleep(time.Second)
			}
		}()
		go func() {
			io.Copy(io.Discard, drip.r)
			ends <- time.Since(start)
		}()
		good := dial()
		good.send(goodHandshake)
		good.wantStatus(http.StatusSwitchingProtocols)
		c, err := l.Accept()
		require.NoError(t, err)
		defer c.Close()
		good.wantEcho(c, "hello")
		require.Zero(t, time.Since(start), "the strangers held it up")
		for range strangers + 1 {
			require.Equal(t, headerTimeout, <-ends)
		}
		<-dripped
		good.wantEcho(c, "still here")
		require.Empty(t, l.slots, "a handshake that did not come counts")
	})
}

// Of a thousand handshakes that nobody accepts, as many as the backlog holds wait. The others are
// refused at once. Later handshakes are served.
func TestThousandHandshakes(t *testing.T) {
	inMemory(t, nil, func(t *testing.T, l *Listener, dial func() *rawPeer) {
		const strangers, backlog = 1000, 128
		statuses := make(chan int, strangers)
		for range strangers {
			p := dial()
			go func() {
				io.WriteString(p.Conn, goodHandshake)
				response, err := http.ReadResponse(p.r, nil)
				if err != nil {
					statuses <- 0
					return
				}
				statuses <- response.StatusCode
			}()
		}
		got := map[int]int{}
		for range strangers {
			got[<-statuses]++
		}
		require.Equal(t, map[int]int{101: backlog, 503: strangers - backlog}, got)
		for range backlog {
			c, err := l.Accept()
			require.NoError(t, err)
			require.NoError(t, c.Close())
		}
		synctest.Wait()
		good := dial()
		good.send(goodHandshake)
		good.wantStatus(http.StatusSwitchingProtocols)
		c, err := l.Accept()
		require.NoError(t, err)
		defer c.Close()
		good.wantEcho(c, "hello")
	})
}
