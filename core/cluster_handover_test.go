//go:build !js

package core_test

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
)

// A balancer dials the nodes in turn, and passes over those that do not listen.
type balancer struct {
	mu    sync.Mutex
	nodes []*clusterNode
	next  int
}

func (b *balancer) set(i int, n *clusterNode) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nodes[i] = n
}

func (b *balancer) dial(ctx context.Context) (conn transport.Conn, err error) {
	b.mu.Lock()
	nodes := append([]*clusterNode(nil), b.nodes...)
	b.next++
	at := b.next
	b.mu.Unlock()
	for i := range nodes {
		if conn, err = nodes[(at+i)%len(nodes)].lis.Dial(ctx); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// A balanced is a client's way to the balancer, which may be broken off.
type balanced struct {
	b      *balancer
	broken atomic.Bool
}

func (d *balanced) Dial(ctx context.Context) (transport.Conn, error) {
	if d.broken.Load() {
		return nil, context.DeadlineExceeded
	}
	return d.b.dial(ctx)
}

// Three nodes are restarted one after the other while everybody sends. Clients that are away meanwhile come back later. Nothing is lost, comes twice or in
// another order.
func TestRollingRestart(t *testing.T) {
	const many = 6
	heard, got := make([]tally, many), make([]tally, many)
	left, resumed, joined := new(atomic.Int64), new(atomic.Int64), new(atomic.Int64)
	type key struct{}
	inCluster(t, clusterSetting{
		nodes: 3,
		options: func(_ int, o *core.ServerOptions) {
			o.Access.Authorize = byUser
			o.Access.UniqueNames = true
			o.Cluster.Pack = func(c *core.Conn) ([]byte, error) {
				return []byte(c.Get(key{}).(string)), nil
			}
			o.Cluster.Unpack = func(c *core.Conn, packed []byte) error {
				c.Set(key{}, string(packed))
				return nil
			}
		},
		prepare: func(_ int, srv *core.Server) {
			srv.OnJoin(func(c *core.Conn) { joined.Add(1); c.Set(key{}, "of "+c.Name()) })
			srv.OnResume(func(c *core.Conn) { resumed.Add(1) })
			srv.OnLeave(func(_ *core.Conn, why error) {
				if !core.IsMoved(why) {
					left.Add(1)
				}
			})
			srv.OnBytes("tell", func(_ context.Context, c *core.Conn, p []byte) error {
				if c.Get(key{}) != "of "+c.Name() {
					return core.NewError(core.CodeInternal, "the values are gone")
				}
				i, _ := strconv.Atoi(c.Name()[1:])
				heard[i].note(p)
				return nil
			})
		},
	}, func(t *testing.T, s *clusterScene) {
		b := &balancer{nodes: append([]*clusterNode(nil), s.nodes...)}
		var clients []*clusterClient
		var ways []*balanced
		for i := range many {
			way := &balanced{b: b}
			c := s.clientOver(way, core.Retry{}, "c"+strconv.Itoa(i), "u"+strconv.Itoa(i), "g")
			c.OnBytes("n", func(_ context.Context, _ *core.Conn, p []byte) error {
				got[i].note(p)
				return nil
			})
			require.NoError(t, c.Connect(context.Background()))
			clients, ways = append(clients, c), append(ways, way)
		}
		s.pass(time.Second)
		loads := make([]*load, 3)
		drive := func(i int, n *clusterNode, lap int) {
			at := "@" + strconv.Itoa(i) + "." + strconv.Itoa(lap)
			loads[i] = newLoad()
			loads[i].run("group"+at, 19*time.Millisecond, func(p []byte) error { return n.srv.Group("g").SendBytes("n", p) })
			loads[i].run("all"+at, 31*time.Millisecond, func(p []byte) error { return n.srv.All().SendBytes("n", p) })
			for j := range clients {
				loads[i].run("name"+strconv.Itoa(j)+at, 53*time.Millisecond, func(p []byte) error { return n.srv.Named("c"+strconv.Itoa(j)).SendBytes("n", p) })
				loads[i].run("user"+strconv.Itoa(j)+at, 59*time.Millisecond, func(p []byte) error { return n.srv.User("u"+strconv.Itoa(j)).SendBytes("n", p) })
			}
		}
		for i, n := range s.nodes {
			drive(i, n, 0)
		}
		own := newLoad()
		for j, c := range clients {
			own.run("client"+strconv.Itoa(j), 7*time.Millisecond, func(p []byte) error { return c.SendBytes("tell", p) })
		}
		sent := make(map[string]int)
		keep := func(of map[string]int) {
			for name, n := range of {
				sent[name] = n
			}
		}
		s.pass(time.Second)
		for i := range 3 {
			keep(loads[i].end())
			for _, j := range []int{i, i + 3} {
				ways[j].broken.Store(true) // two of the clients come back late
			}
			require.NoError(t, b.nodes[i].srv.Shutdown(within(30*time.Second)))
			s.pass(time.Second)
			n := s.start()
			b.set(i, n)
			drive(i, n, 1)
			s.pass(time.Second)
			for _, j := range []int{i, i + 3} {
				ways[j].broken.Store(false)
			}
			s.pass(10 * time.Second)
		}
		for _, l := range loads {
			keep(l.end())
		}
		keep(own.end())
		s.pass(30 * time.Second)
		require.EqualValues(t, many, joined.Load())
		require.Zero(t, left.Load())
		for j, c := range clients {
			for name, n := range sent {
				switch {
				case name == "client"+strconv.Itoa(j):
					heard[j].saw(t, name, n)
				case name[:3] == "gro", name[:3] == "all", name[:5] == "name"+strconv.Itoa(j), name[:5] == "user"+strconv.Itoa(j):
					got[j].saw(t, name, n)
				}
			}
			require.NotZero(t, c.Stats().Resumed)
		}
		require.NotZero(t, resumed.Load())
	})
}

// The sessions of a node that shuts down go to a node that takes them, however many others do not.
func TestHandoverPastNodesThatTakeNothing(t *testing.T) {
	var joined atomic.Int64
	inCluster(t, clusterSetting{
		nodes:   6,
		options: func(i int, o *core.ServerOptions) { o.Manual = 0 < i && i < 5 }, // which take no session of a client that is away
		prepare: func(_ int, srv *core.Server) { srv.OnJoin(func(*core.Conn) { joined.Add(1) }) },
	}, func(t *testing.T, s *clusterScene) {
		var clients []*clusterClient
		var roamers []*roamer
		for i := range 4 {
			c, r := s.roam(s.nodes[0], "c"+strconv.Itoa(i), "")
			clients, roamers = append(clients, c), append(roamers, r)
		}
		away := &clusterNode{lis: transport.NewPipeListener()}
		require.NoError(t, away.lis.Close())
		for _, r := range roamers {
			r.at.Store(away)
		}
		require.NoError(t, s.nodes[0].srv.Shutdown(within(20*time.Second)))
		require.Equal(t, 4, s.nodes[5].srv.Len())
		for _, r := range roamers {
			r.at.Store(s.nodes[5])
		}
		s.pass(20 * time.Second)
		require.EqualValues(t, 4, joined.Load())
		for _, c := range clients {
			require.NotZero(t, c.Stats().Resumed)
		}
	})
}

// A server with Manual hands its sessions over at a Shutdown, without a call of Update.
func TestHandoverWithManual(t *testing.T) {
	var joined, left atomic.Int64
	inCluster(t, clusterSetting{
		nodes: 2,
		options: func(i int, o *core.ServerOptions) {
			o.Manual, o.Access.UniqueNames = i == 0, true
		},
		prepare: func(_ int, srv *core.Server) {
			srv.OnJoin(func(*core.Conn) { joined.Add(1) })
			srv.OnSuspend(func(*core.Conn, error) {})
			srv.OnLeave(func(_ *core.Conn, why error) {
				if core.IsMoved(why) {
					left.Add(1)
				}
			})
		},
	}, func(t *testing.T, s *clusterScene) {
		ctx, cancel := context.WithCancel(context.Background())
		ran := make(chan struct{})
		go func() {
			defer close(ran)
			s.nodes[0].srv.Run(ctx) //nolint:errcheck // the error of ctx
		}()
		c, r := s.roam(s.nodes[0], "ada", "")
		d, way := s.roam(s.nodes[0], "bob", "")
		cancel()
		<-ran
		r.at.Store(s.nodes[1])
		away := &clusterNode{lis: transport.NewPipeListener()}
		require.NoError(t, away.lis.Close())
		way.at.Store(away)
		require.NoError(t, s.nodes[0].srv.Shutdown(within(30*time.Second)))
		way.at.Store(s.nodes[1])
		s.pass(30 * time.Second)
		require.EqualValues(t, 2, joined.Load())
		require.EqualValues(t, 2, left.Load())
		require.NotZero(t, c.Stats().Resumed)
		require.NotZero(t, d.Stats().Resumed)
	})
}
