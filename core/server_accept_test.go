//go:build !js

package core

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// streets is a listener in memory that knows the addresses of its callers.
type streets struct {
	*transport.PipeListener

	mu    sync.Mutex  // held while dialing
	addrs chan string // of callers that are not accepted yet, in order
}

// A house dials from one address.
type house struct {
	on   *streets
	addr string
}

func (h house) Dial(ctx context.Context) (transport.Conn, error) {
	h.on.mu.Lock()
	defer h.on.mu.Unlock()
	h.on.addrs <- h.addr
	return h.on.PipeListener.Dial(ctx)
}

func (l *streets) Accept() (transport.Conn, error) {
	stream, err := l.PipeListener.Accept()
	if err != nil {
		return nil, err
	}
	return &residing{stream, <-l.addrs}, nil
}

type residing struct {
	transport.Conn
	addr string
}

func (c *residing) Info() transport.Info {
	info := c.Conn.Info()
	info.Remote = c.addr
	return info
}

// street serves clients with addresses.
func (w *world) street() *streets {
	l := &streets{PipeListener: w.lis, addrs: make(chan string, 1000)}
	go w.srv.Serve(w.ctx, l) //nolint:errcheck // nil after Shutdown
	return l
}

// from connects by hand from an address.
func (w *world) from(l *streets, addr string) *coretest.Peer {
	stream, err := house{l, addr}.Dial(w.ctx)
	require.NoError(w.t, err)
	return &coretest.Peer{T: w.t, Stream: stream}
}

func TestMaxConnsPerAddr(t *testing.T) {
	tests := map[string]struct {
		limit   int
		addrs   []string // the last is one too many
		another string   // is let in all the same
	}{
		"IPv4 by address":            {limit: 2, addrs: []string{"10.1.2.3:1", "10.1.2.3:2", "10.1.2.3:3"}, another: "10.1.2.4:1"},
		"IPv4 mapped into IPv6":      {limit: 2, addrs: []string{"10.1.2.3:1", "[::ffff:10.1.2.3]:2", "10.1.2.3:3"}, another: "[::ffff:10.1.2.4]:1"},
		"IPv6 by its first half":     {limit: 2, addrs: []string{"[2001:db8::1]:1", "[2001:db8::2]:2", "[2001:db8:0:0:ffff::3]:3"}, another: "[2001:db8:0:1::1]:1"},
		"IPv6 with a zone":           {limit: 1, addrs: []string{"[fe80::1%eth0]:1", "[fe80::2%eth1]:2"}, another: "[fe81::1%eth0]:1"},
		"loopback if it is asked":    {limit: 1, addrs: []string{"127.0.0.1:1", "127.0.0.1:2"}, another: "127.0.0.2:1"},
		"no IP address, if asked":    {limit: 1, addrs: []string{"pipe:1", "pipe:2"}, another: "10.1.2.3:1"},
		"no address, if it is asked": {limit: 1, addrs: []string{"", ""}, another: "10.1.2.3:1"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Limits: Limits{MaxConnsPerAddr: tc.limit}}, func(w *world) {
				w.fillAddress(tc.addrs, tc.another)
			})
		})
	}
}

// fillAddress fills an address. One more client of the address is refused, and another address is not.
func (w *world) fillAddress(addrs []string, another string) {
	l := w.street()
	last := len(addrs) - 1
	var in []*coretest.Peer
	for _, addr := range addrs[:last] {
		in = append(in, w.helloFrom(l, addr))
		require.Equal(w.t, wire.KindWelcome, in[len(in)-1].Want().Kind)
	}
	tooMany := "the server has " + strconv.Itoa(last) + " connections from this address"
	require.Equal(w.t, tooMany, w.helloFrom(l, addrs[last]).WantRefuse(CodeTooManyConns, "").Reason)
	require.Equal(w.t, wire.KindWelcome, w.helloFrom(l, another).Want().Kind)

	in[0].Stream.Close() //nolint:errcheck // it is over
	synctest.Wait()
	require.Equal(w.t, wire.KindWelcome, w.helloFrom(l, addrs[last]).Want().Kind, "a place is free again")
}

// helloFrom connects by hand from an address and sends a hello.
func (w *world) helloFrom(l *streets, addr string) *coretest.Peer {
	p := w.from(l, addr)
	p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{}))
	return p
}

// Addresses that may stand for many clients are limited only if MaxConnsPerAddr is set.
func TestMaxConnsPerAddrByDefault(t *testing.T) {
	tests := map[string]struct {
		limit   int
		addr    string
		refused bool
	}{
		"IPv4":            {addr: "10.1.2.3:1", refused: true},
		"IPv6":            {addr: "[2001:db8::1]:1", refused: true},
		"IPv4 loopback":   {addr: "127.0.0.1:1"},
		"mapped loopback": {addr: "[::ffff:127.0.0.1]:1"},
		"IPv6 loopback":   {addr: "[::1]:1"},
		"no IP address":   {addr: "pipe:1"},
		"turned off":      {limit: -1, addr: "10.1.2.3:1"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			opts := resolved(&ServerOptions{Limits: Limits{MaxConnsPerAddr: tc.limit, MaxHandshakesPerAddr: tc.limit}})
			limits := opts.places()
			many := admit.AddrOf(tc.addr).Many
			require.Equal(t, tc.refused, limits.ConnsPerAddr > 0 && (!many || limits.ConnsOfMany))
			require.Equal(t, tc.refused, limits.GreetingPerAddr > 0 && (!many || limits.GreetingOfMany))
			if tc.refused {
				require.Equal(t, 1024, limits.ConnsPerAddr)
				require.Equal(t, 64, limits.GreetingPerAddr)
			}
		})
	}
}

// The place of a newcomer is given back once, however the newcomer fares.
func TestPlacesAreGivenBack(t *testing.T) {
	opts := &ServerOptions{
		Limits: Limits{MaxConnsPerAddr: 3}, Access: Access{UniqueNames: true, Authorize: func(_ context.Context, a *Admission) error {
			switch a.Name {
			case "no":
				return errors.New("no")
			case "panic":
				panic("no")
			}
			return nil
		}}, Timeouts: Timeouts{Hello: time.Second},
	}
	inWorld(t, opts, func(w *world) {
		l := w.street()
		const addr = "10.1.2.3:1"
		hello := func(name string) *coretest.Peer {
			p := w.from(l, addr)
			p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Name: name}))
			return p
		}
		ada := hello("ada")
		require.Equal(t, wire.KindWelcome, ada.Want().Kind)
		for range 5 {
			hello("ada").WantRefuse(CodeNameTaken, "")
			hello("no").WantRefuse(CodeUnavailable, "")
			hello("panic").WantRefuse(CodeUnavailable, "")
			hello("\n").WantRefuse(CodeBadName, "")
			w.from(l, addr).WantRefuse(CodeHelloTimeout, "")
			junk := w.from(l, addr)
			junk.Send([]byte("junk"))
			junk.WantEnd()
			bob := hello("bob")
			require.Equal(t, wire.KindWelcome, bob.Want().Kind)
			two := hello("two")
			require.Equal(t, wire.KindWelcome, two.Want().Kind)
			for range 5 {
				hello("three").WantRefuse(CodeTooManyConns, "")
			}
			two.Stream.Close() //nolint:errcheck // it is over
			bob.Stream.Close() //nolint:errcheck // it is over
			synctest.Wait()
			require.Equal(t, admit.Counts{Settled: 1, Addrs: 1}, w.srv.gate.Counts())
		}
		ada.Stream.Close() //nolint:errcheck // it is over
		synctest.Wait()
		require.Equal(t, admit.Counts{}, w.srv.gate.Counts())
	})
}

// A storm from one address does not affect clients from other addresses.
func TestStormFromOneAddress(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxConnsPerAddr: 10, MaxConns: 100}}, func(w *world) {
		Handle(w.srv, "up", func(context.Context, *Conn, struct{}) (bool, error) { return true, nil })
		l := w.street()
		ada := newTestClient(house{l, "10.0.0.1:1"}, &ClientOptions{Codec: testCodec{}, Retry: Retry{Off: true}})
		w.clients = append(w.clients, ada)
		w.join(ada)
		results := make(chan error, 1000)
		for i := range cap(results) {
			cl := newTestClient(house{l, "10.6.6.6:" + strconv.Itoa(i)}, &ClientOptions{Retry: Retry{Off: true}})
			w.clients = append(w.clients, cl)
			go func() { results <- cl.Connect(w.ctx) }()
		}
		in := 0
		for range cap(results) {
			if err := <-results; err == nil {
				in++
			} else {
				require.NotEqual(t, CodeNone, CodeOf(err))
			}
		}
		require.Equal(t, 10, in)
		_, err := Call[bool](w.ctx, ada, "up", nil)
		require.NoError(t, err)
		bob := newTestClient(house{l, "10.0.0.2:1"}, &ClientOptions{Retry: Retry{Off: true}})
		w.clients = append(w.clients, bob)
		w.join(bob)
		require.Equal(t, 12, w.srv.Len())
	})
}

// A thousand strangers that never say hello delay no client, no newcomer and no resume.
func TestHalfOpenHandshakes(t *testing.T) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Hello: 5 * time.Second}}, func(w *world) {
		Handle(w.srv, "up", func(context.Context, *Conn, struct{}) (bool, error) { return true, nil })
		w.serve()
		ada := w.join(w.client("ada"))
		var away []*coretest.Peer
		var tokens []*wire.Welcome
		for range 20 {
			p, welcome := w.resumable("")
			p.Stream.Close() //nolint:errcheck // the client is suspended
			away, tokens = append(away, p), append(tokens, welcome)
		}
		synctest.Wait()
		require.Equal(t, 20, w.srv.Stats().Suspended)
		for range 1100 {
			w.peer().Send([]byte(wire.Preface + "\x20"))
		}
		synctest.Wait()
		require.Equal(t, 1024, w.srv.gate.Counts().Greeting)
		start := time.Now()
		up, err := Call[bool](w.ctx, ada, "up", nil)
		require.NoError(t, err)
		require.True(t, up)
		for range 240 {
			w.join(w.client(""))
		}
		for _, t := range tokens {
			p := w.peer()
			p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Resume: true, Session: t.Session, Token: t.Token}))
			f := p.Want()
			require.Equal(w.t, wire.KindWelcome, f.Kind)
			welcome, err := wire.ParseWelcome(f.Body, nil)
			require.NoError(w.t, err)
			require.True(w.t, welcome.Resumed)
		}
		require.Zero(t, time.Since(start), "all at once")
		require.EqualValues(t, len(away), w.srv.Stats().Resumed)
		time.Sleep(5*time.Second + refuseTime)
		synctest.Wait()
		require.Zero(t, w.srv.gate.Counts().Greeting)
	})
}

// resumable connects by hand and asks for a session.
func (w *world) resumable(name string) (*coretest.Peer, *wire.Welcome) {
	p := w.peer()
	p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Name: name, Resume: true}))
	f := p.Want()
	require.Equal(w.t, wire.KindWelcome, f.Kind)
	welcome, err := wire.ParseWelcome(f.Body, nil)
	require.NoError(w.t, err)
	p.Send(wire.AppendAck(nil, 0)) // the peer has the token
	return p, welcome
}

// One address has no more half-open handshakes than its own limit. A newcomer of that address still
// gets a place.
func TestHalfOpenHandshakesOfOneAddress(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		l := w.street()
		var half []*coretest.Peer
		for range 100 {
			half = append(half, w.from(l, "10.1.1.1:1"))
		}
		synctest.Wait()
		require.Equal(t, 64, w.srv.gate.Counts().Greeting)
		half[0].WantEnd()
		require.Equal(t, wire.KindWelcome, w.helloFrom(l, "10.1.1.1:2").Want().Kind)
		half[99].Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{}))
		require.Equal(t, wire.KindWelcome, half[99].Want().Kind)
		require.Equal(t, wire.KindWelcome, w.helloFrom(l, "10.1.1.2:1").Want().Kind)
	})
}

// Newcomers that Authorize is slow to decide about keep out no client that resumes, and no client
// of another address.
func TestManyAreDecidedAbout(t *testing.T) {
	var decide chan struct{} // made in the bubble
	opts := &ServerOptions{Limits: Limits{MaxHandshakes: 100, MaxHandshakesPerAddr: 100}, Access: Access{Authorize: func(ctx context.Context, a *Admission) error {
		if a.Name != "slow" {
			return nil
		}
		select {
		case <-decide:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}}}
	inWorld(t, opts, func(w *world) {
		decide = make(chan struct{})
		l := w.street()
		hello := func(addr string, h wire.Hello) *coretest.Peer {
			p := w.from(l, addr)
			p.Send(wire.AppendHello([]byte(wire.Preface), &h))
			return p
		}
		p := hello("10.1.1.1:1", wire.Hello{Resume: true})
		welcome, err := wire.ParseWelcome(p.Want().Body, nil)
		require.NoError(t, err)
		p.Send(wire.AppendAck(nil, 0)) // the peer has the token
		for range 100 {
			hello("10.6.6.6:1", wire.Hello{Name: "slow"})
		}
		synctest.Wait()
		require.Equal(t, 100, w.srv.gate.Counts().Deciding)
		hello("10.6.6.6:1", wire.Hello{Name: "slow"}).WantRefuse(CodeTooManyConns, "")
		require.Equal(t, wire.KindWelcome, hello("10.1.1.2:1", wire.Hello{}).Want().Kind)
		synctest.Wait()
		require.Equal(t, 99, w.srv.gate.Counts().Deciding, "one of them made room")
		p.Stream.Close() //nolint:errcheck // it resumes
		p = hello("10.6.6.6:1", wire.Hello{Resume: true, Session: welcome.Session, Token: welcome.Token})
		require.Equal(t, wire.KindWelcome, p.Want().Kind)
		require.EqualValues(t, 1, w.srv.Stats().Resumed)
		close(decide)
		synctest.Wait()
		require.Equal(t, 99+2, w.srv.Len())
	})
}

// Handshakes whose time is up make room, also if their clients do not hang up.
func TestHandshakesTimeOut(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxHandshakes: 2}, Timeouts: Timeouts{Hello: 5 * time.Second}}, func(w *world) {
		w.serve()
		w.peer()
		w.peer()
		time.Sleep(5*time.Second + refuseTime + time.Millisecond)
		synctest.Wait()
		require.Equal(t, admit.Counts{}, w.srv.gate.Counts())
	})
}

func TestHandshakesWithoutLimit(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxHandshakes: -1, MaxConns: 1200}}, func(w *world) {
		w.serve()
		for range 1500 {
			w.peer()
		}
		synctest.Wait()
		require.Equal(t, 1200, w.srv.gate.Counts().Greeting, "as many as connections")
		w.join(w.client("ada"))
	})
	require.Equal(t, 1024, resolved(nil).Limits.MaxHandshakes)
}
