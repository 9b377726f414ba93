package natsrelay

import (
	"context"
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// A listener is a handler that counts what it is told.
type listener struct {
	ups, downs, claimsLost atomic.Int32

	mu  sync.Mutex
	got map[string]int // messages by payload
	why error          // of the last Down
}

func (l *listener) Message(_ string, payload []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.got == nil {
		l.got = make(map[string]int)
	}
	l.got[string(payload)]++
}
func (l *listener) Up() { l.ups.Add(1) }
func (l *listener) Down(why error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.why = why
	l.downs.Add(1)
}
func (l *listener) Lost(int)    {}
func (l *listener) ClaimsLost() { l.claimsLost.Add(1) }

// reason returns why the node went down last.
func (l *listener) reason() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.why
}

func (l *listener) has(payload string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.got[payload] > 0
}

const patience = 60 * time.Second

func until(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(5 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "%s: not in time", what)
	}
}

func waiting(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// joinNode makes a node, which is closed with the test.
func joinNode(t *testing.T, r *Relay, id string) (*node, *listener) {
	t.Helper()
	l := &listener{}
	made, err := r.Join(waiting(t), id, l)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		made.Close(ctx) //nolint:errcheck // its server may be gone
	})
	return made.(*node), l
}

func mustClaim(t *testing.T, n *node, key, value string) {
	t.Helper()
	until(t, "the claim is made", func() bool {
		mine, _, err := n.Claim(waiting(t), key, []byte(value))
		return err == nil && mine
	})
}

// freePort returns a port that is free at this moment. It is below the ports that systems give to others that ask for any, such as the
// servers of tests beside this one.
func freePort(t *testing.T) int {
	const first, ports = 10_000, 20_000
	for range 1000 {
		port := first + rand.IntN(ports)
		if ln, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			require.NoError(t, ln.Close())
			return port
		}
	}
	require.FailNow(t, "no port is free")
	return 0
}

func TestNodeBeginsBeforeNATS(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	r := newRelay(t, Options{Servers: []string{"nats://127.0.0.1:" + strconv.Itoa(port)}})
	n, l := joinNode(t, r, "early")
	require.NoError(t, n.Subscribe("t"))
	_, err := n.Publish([]core.RelayMessage{{Topic: "t"}})
	require.ErrorIs(t, err, ErrDown)
	_, _, err = n.Claim(waiting(t), "k", nil)
	require.ErrorIs(t, err, ErrDown)
	require.Zero(t, l.ups.Load())

	s := startServer(t, server.Options{Port: port})
	until(t, "the node is up", func() bool { return l.ups.Load() == 1 })
	mustClaim(t, n, "k", "v")
	require.NoError(t, connect(t, s.ClientURL()).Publish("hisock.t", []byte("hello")))
	until(t, "it arrives", func() bool { return l.has("hello") })
	require.Zero(t, l.downs.Load())
}

// The claims are in memory, so a server of NATS that is alone and starts anew has none.
func TestNATSStartsAnew(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Options{})
	port := portOf(s)
	r := newRelay(t, Options{Servers: []string{s.ClientURL()}})
	a, la := joinNode(t, r, "a")
	b, lb := joinNode(t, r, "b")
	require.NoError(t, b.Subscribe("t"))
	until(t, "both are up", func() bool { return la.ups.Load() == 1 && lb.ups.Load() == 1 })
	mustClaim(t, a, "k", "a")

	s.Shutdown()
	s.WaitForShutdown()
	until(t, "both are down", func() bool { return la.downs.Load() == 1 && lb.downs.Load() == 1 })
	_, err := a.Publish([]core.RelayMessage{{Topic: "t"}})
	require.ErrorIs(t, err, ErrDown)
	_, _, err = b.Lookup(waiting(t), "k")
	require.ErrorIs(t, err, ErrDown)

	startServer(t, server.Options{Port: port})
	until(t, "both are up", func() bool { return la.ups.Load() == 2 && lb.ups.Load() == 2 })
	until(t, "the loss is told", func() bool { return la.claimsLost.Load() == 1 && lb.claimsLost.Load() == 1 })
	mustClaim(t, b, "k", "b")
	mine, held, err := a.Claim(waiting(t), "k", []byte("a"))
	require.NoError(t, err)
	require.False(t, mine)
	require.Equal(t, "b", string(held))
	until(t, "messages go", func() bool {
		a.Publish([]core.RelayMessage{{Topic: "t", Payload: []byte("again")}}) //nolint:errcheck // tried again
		return lb.has("again")
	})
}

func TestOneOfThreeServersIsLost(t *testing.T) {
	t.Parallel()
	ports := []int{freePort(t), freePort(t), freePort(t)}
	var routes string
	for _, p := range ports {
		routes += ",nats://127.0.0.1:" + strconv.Itoa(p)
	}
	servers := make([]*server.Server, 3)
	for i := range servers {
		servers[i] = startServer(t, server.Options{
			ServerName: "s" + strconv.Itoa(i),
			Cluster:    server.ClusterOpts{Name: "c", Host: "127.0.0.1", Port: ports[i]},
			Routes:     server.RoutesFromStr(routes[1:]),
		})
	}
	until(t, "JetStream has a leader", func() bool {
		for _, s := range servers {
			if s.JetStreamIsLeader() {
				return true
			}
		}
		return false
	})
	nodes, heard := make([]*node, 3), make([]*listener, 3)
	for i, s := range servers {
		all := []string{s.ClientURL(), servers[(i+1)%3].ClientURL(), servers[(i+2)%3].ClientURL()}
		r := newRelay(t, Options{Servers: all, Replicas: 3, NATS: []nats.Option{nats.DontRandomize()}})
		nodes[i], heard[i] = joinNode(t, r, "n"+strconv.Itoa(i))
		require.NoError(t, nodes[i].Subscribe("t"))
	}
	for i, n := range nodes {
		until(t, "all are up", func() bool { return heard[i].ups.Load() == 1 })
		mustClaim(t, n, "k"+strconv.Itoa(i), "mine")
	}

	servers[2].Shutdown()
	servers[2].WaitForShutdown()
	until(t, "its node has found another one", func() bool { return heard[2].ups.Load() == 2 })
	for i := range nodes {
		until(t, "messages go from "+nodes[i].id, func() bool {
			nodes[i].Publish([]core.RelayMessage{{Topic: "t", Payload: []byte(nodes[i].id)}}) //nolint:errcheck // tried again
			return heard[(i+1)%3].has(nodes[i].id) && heard[(i+2)%3].has(nodes[i].id)
		})
	}
	// Claims whose node has lost its lease, because the machine was too busy, are not there any more, and the node was told.
	for i := range nodes {
		key := "k" + strconv.Itoa(i)
		until(t, "claims can be looked up", func() bool {
			held, ok, err := nodes[(i+1)%3].Lookup(waiting(t), key)
			return err == nil && (heard[i].claimsLost.Load() > 0 || ok && string(held) == "mine")
		})
		if heard[i].claimsLost.Load() == 0 {
			mine, _, err := nodes[(i+1)%3].Claim(waiting(t), key, nil)
			require.NoError(t, err)
			require.False(t, mine)
		}
	}
}

// Whoever may write to the broker may write anything.
func TestEntriesThatNoNodeWrote(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Options{})
	n, l := joinNode(t, newRelay(t, Options{Servers: []string{s.ClientURL()}, Lease: shortLease}), "n")
	until(t, "it is up", func() bool { return l.ups.Load() == 1 })
	stranger := connect(t, s.ClientURL())
	for name, data := range map[string][]byte{
		"nothing":                   {},
		"a length alone":            {200},
		"a lease of nothing":        {0},
		"no token":                  []byte("\x03a*>value"),
		"a lease too long":          append([]byte{255}, make([]byte, 100)...),
		"a value too long":          append([]byte("\x01a"), make([]byte, core.MaxRelayValue+1)...),
		"huge":                      append([]byte("\x01a"), make([]byte, 900<<10)...),
		"of a lease that never was": []byte("\x04evilvalue"),
	} {
		_, err := stranger.Request("$KV.hisock.claim.k", data, 10*time.Second)
		require.NoError(t, err)
		until(t, name, func() bool {
			_, ok, err := n.Lookup(waiting(t), "k")
			return err == nil && !ok
		})
		mustClaim(t, n, "k", "v")
	}
	// A stranger ends the lease: the node is told, and begins anew.
	_, err := stranger.Request("$KV.hisock.lease."+n.lease.id, []byte("\x00garbage"), 10*time.Second)
	require.NoError(t, err)
	until(t, "the loss is told", func() bool { return l.claimsLost.Load() == 1 })
	mustClaim(t, n, "k", "anew")
}

func TestSweepRemovesClaimsOfTheDead(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Options{})
	r := newRelay(t, Options{Servers: []string{s.ClientURL()}})
	gone, _ := joinNode(t, r, "gone")
	n, l := joinNode(t, r, "n")
	until(t, "both are up", func() bool { return l.ups.Load() == 1 })
	for i := range 300 {
		mustClaim(t, gone, "g"+strconv.Itoa(i), "v")
	}
	mustClaim(t, n, "mine", "v")
	removed, err := n.sweep(waiting(t))
	require.NoError(t, err)
	require.Zero(t, removed)
	require.NoError(t, gone.Close(waiting(t)))
	_, err = connect(t, s.ClientURL()).Request("$KV.hisock.claim.odd", []byte("\xff"), 10*time.Second)
	require.NoError(t, err)
	removed, err = n.sweep(waiting(t))
	require.NoError(t, err)
	require.Equal(t, 301, removed)
	held, ok, err := n.Lookup(waiting(t), "mine")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "v", string(held))
}

func TestJoinFailsForGood(t *testing.T) {
	t.Parallel()
	s := startServer(t, server.Options{Username: "ada", Password: "right"})
	_, err := newRelay(t, Options{Servers: []string{s.ClientURL()}, NATS: []nats.Option{nats.UserInfo("ada", "wrong")}}).Join(waiting(t), "n", &listener{})
	require.ErrorIs(t, err, nats.ErrAuthorization)
	right := Options{Servers: []string{s.ClientURL()}, NATS: []nats.Option{nats.UserInfo("ada", "right")}}
	_, l := joinNode(t, newRelay(t, right), "n")
	until(t, "it is up", func() bool { return l.ups.Load() == 1 })
	right.MaxPayload = 2 << 20
	_, err = newRelay(t, right).Join(waiting(t), "m", &listener{})
	require.ErrorIs(t, err, ErrOptions)
	_, err = newRelay(t, Options{Servers: []string{s.ClientURL()}}).Join(waiting(t), "a.b", &listener{})
	require.ErrorIs(t, err, ErrOptions)
}

func TestOptions(t *testing.T) {
	servers := []string{"nats://127.0.0.1:4222"}
	for name, o := range map[string]Options{
		"no server":       {},
		"prefix":          {Servers: servers, Prefix: "a.*"},
		"empty token":     {Servers: servers, Prefix: "a..b"},
		"prefix too long": {Servers: servers, Prefix: string(make([]byte, 65))},
		"short lease":     {Servers: servers, Lease: time.Second},
		"replicas":        {Servers: servers, Replicas: 7},
		"even replicas":   {Servers: servers, Replicas: 2},
		"a negative one":  {Servers: servers, Replicas: -1},
		"small payloads":  {Servers: servers, MaxPayload: 100},
		"little may wait": {Servers: servers, MaxPending: 100},
	} {
		_, err := New(o)
		require.ErrorIs(t, err, ErrOptions, name)
	}
	r, err := New(Options{Servers: servers, Prefix: "a-B.c_9"})
	require.NoError(t, err)
	require.Equal(t, 15*time.Second, r.options.Lease)
}
