//go:build !js

package core

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

const balancer = "10.0.0.1:4000"

// A balancerListener is a listener in memory whose callers come through a proxy. The proxy begins with a line
// that has the address of its client, or "?" if it does not know it.
type balancerListener struct {
	*transport.PipeListener
	hidden bool // its streams are wrapped in hiding
}

func (l balancerListener) Accept() (transport.Conn, error) {
	stream, err := l.PipeListener.Accept()
	switch {
	case err != nil:
		return nil, err
	case l.hidden:
		return &hiding{Conn: &relayed{Conn: stream}}, nil
	}
	return &relayed{Conn: stream}, nil
}

// hiding is a wrapper that knows nothing of proxies.
type hiding struct {
	transport.Conn
	once sync.Once
}

func (c *hiding) Read(p []byte) (n int, err error) {
	c.once.Do(func() { err = c.Conn.(transport.SourceReader).ReadSource() }) // as its first read does
	if err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

type relayed struct {
	transport.Conn
	client atomic.Pointer[string]
}

func (c *relayed) Info() transport.Info {
	info := c.Conn.Info()
	info.Remote, info.Proxy = balancer, balancer
	if client := c.client.Load(); client != nil && *client != "?" {
		info.Remote = *client
	}
	return info
}

func (c *relayed) ReadSource() error {
	var line []byte
	for b := make([]byte, 1); ; {
		if _, err := io.ReadFull(c.Conn, b); err != nil {
			return err
		}
		if b[0] == '\n' {
			break
		}
		if b[0] == 0 {
			return errors.New("relay: proxy \"" + balancer + "\": this is no header")
		}
		line = append(line, b[0])
	}
	client := string(line)
	c.client.Store(&client)
	return nil
}

// through connects by hand through the proxy, which sends first.
func (w *world) through(first string) *coretest.Peer {
	p := w.peer()
	p.Send([]byte(first))
	return p
}

// helloThrough connects by hand through the proxy from an address, and sends a hello.
func (w *world) helloThrough(addr string) *coretest.Peer {
	p := w.through(addr + "\n")
	p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{}))
	return p
}

// inRelay runs f with a server behind the proxy.
func inRelay(t *testing.T, opts *ServerOptions, f func(w *world)) {
	inWorld(t, opts, func(w *world) {
		go w.srv.Serve(w.ctx, balancerListener{PipeListener: w.lis}) //nolint:errcheck // nil after Shutdown
		f(w)
	})
}

// A proxy may bring as many clients as there are places: the limits of one address hold for the
// clients' addresses.
func TestManyBehindOneProxy(t *testing.T) {
	inRelay(t, nil, func(w *world) {
		const many = defaultMaxConnsPerAddr + 1
		for i := range many {
			addr := fmt.Sprintf("203.0.%d.%d:5000", i>>8, i&255)
			require.Equal(t, wire.KindWelcome, w.helloThrough(addr).Want().Kind, i)
		}
		require.Equal(t, many, w.srv.Len())
		c, err := w.srv.Lookup("203.0.4.0:5000")
		require.NoError(t, err)
		require.Equal(t, balancer, c.Info().Proxy)
		require.NotContains(t, w.srv.Addrs(), balancer)
	})
}

// The limits of addresses hold also if a wrapper hides that a stream knows its client's address.
func TestLimitsBehindAHiddenProxy(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxConnsPerAddr: 2}}, func(w *world) {
		go w.srv.Serve(w.ctx, balancerListener{w.lis, true}) //nolint:errcheck // nil after Shutdown
		for i := range 3 {
			require.Equal(t, wire.KindWelcome, w.helloThrough(fmt.Sprintf("203.0.113.%d:1", i)).Want().Kind)
		}
		require.Equal(t, wire.KindWelcome, w.helloThrough("203.0.113.1:2").Want().Kind)
		require.Equal(t, "the server has 2 connections from this address", w.helloThrough("203.0.113.1:3").WantRefuse(CodeTooManyConns, "").Reason)
	})
}

func TestLimitsBehindAProxy(t *testing.T) {
	tests := map[string]struct {
		limit   int
		addrs   []string // the last is one too many
		another string   // is let in all the same
	}{
		"one client":                  {2, []string{"203.0.113.7:1", "203.0.113.7:2", "203.0.113.7"}, "203.0.113.8:1"},
		"clients that it cannot tell": {2, []string{"?", "?", "?"}, "203.0.113.8:1"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inRelay(t, &ServerOptions{Limits: Limits{MaxConnsPerAddr: tc.limit, MaxHandshakesPerAddr: 1}}, func(w *world) {
				last := len(tc.addrs) - 1
				for _, addr := range tc.addrs[:last] {
					require.Equal(t, wire.KindWelcome, w.helloThrough(addr).Want().Kind)
				}
				require.Equal(t, "the server has 2 connections from this address", w.helloThrough(tc.addrs[last]).WantRefuse(CodeTooManyConns, "").Reason)
				require.Equal(t, wire.KindWelcome, w.helloThrough(tc.another).Want().Kind)
				_, err := w.srv.Lookup(tc.another)
				require.NoError(t, err)
				if tc.addrs[0] == "?" {
					_, err = w.srv.Lookup(balancer)
					require.Equal(t, CodeAmbiguousName, CodeOf(err))
				}
			})
		})
	}
	t.Run("clients that it cannot tell, by default", func(t *testing.T) {
		inRelay(t, nil, func(w *world) {
			for i := range defaultMaxConnsPerAddr + 1 {
				require.Equal(t, wire.KindWelcome, w.helloThrough("?").Want().Kind, i)
			}
		})
	})
}

// Silent newcomers take the places of each other, also behind a proxy. Once their addresses are
// known they do so by address.
func TestSilenceBehindAProxy(t *testing.T) {
	inRelay(t, &ServerOptions{Limits: Limits{MaxHandshakes: 40, MaxHandshakesPerAddr: 5}, Timeouts: Timeouts{Hello: time.Second}}, func(w *world) {
		honest := w.through("203.0.113.8:1\n")
		synctest.Wait()
		for range 100 {
			w.through("203.0.113.7:1\n")
			synctest.Wait()
		}
		require.Equal(t, 6, w.srv.gate.Counts().Greeting)
		for range 100 {
			w.through("") // the proxy does not even send an address
			synctest.Wait()
		}
		require.Equal(t, 40, w.srv.gate.Counts().Greeting)
		honest.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{}))
		require.Equal(t, wire.KindWelcome, honest.Want().Kind)
		require.Equal(t, wire.KindWelcome, w.helloThrough("203.0.113.9:1").Want().Kind)
		time.Sleep(3 * time.Second) // Timeouts.Hello, and time for the refusal
		synctest.Wait()
		require.Zero(t, w.srv.gate.Counts().Greeting, "a proxy has no more time than others")
	})
}

// A client that is refused is logged with its own address. A proxy that breaks its protocol is logged
// with the fault.
func TestLogBehindAProxy(t *testing.T) {
	inRelay(t, nil, func(w *world) {
		w.through("203.0.113.7:1\nGET / HTTP/1.1\r\n\r\n")
		synctest.Wait()
		log := strings.Join(w.log.Lines(), "\n")
		require.Contains(t, log, "203.0.113.7:1")

		p := w.through("\x00HS\x01")
		_, err := p.Stream.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, "it is told nothing")
		synctest.Wait()
		require.Contains(t, strings.Join(w.log.Lines(), "\n"), `proxy "`+balancer+`": this is no header`)
	})
}

// A proxy's header from a client that is no proxy is refused with that reason.
func TestProxyHeaderFromNobody(t *testing.T) {
	for _, header := range []string{"PROXY TCP4 203.0.113.7 192.0.2.1 5 6\r\n", "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"} {
		inWorld(t, nil, func(w *world) {
			w.serve()
			w.peer().Send([]byte(header))
			synctest.Wait()
			require.Contains(t, strings.Join(w.log.Lines(), "\n"), "PROXY protocol")
			require.Zero(t, w.srv.Len())
		})
	}
}
