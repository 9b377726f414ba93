//go:build !js

package core_test

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/relaytest"
	"github.com/hisock/hisock/transport"
)

// A clusterScene is a cluster over a relay in memory, inside a synctest bubble.
type clusterScene struct {
	t       *testing.T
	broker  *relaytest.Memory
	nodes   []*clusterNode
	clients []*clusterClient
	setUp   func(i int, o *core.ServerOptions)
	prepare func(i int, srv *core.Server)
	through func(i int, r core.Relay) core.Relay
}

// A clusterNode is one server.
type clusterNode struct {
	srv *core.Server
	lis *transport.PipeListener
	way *relaytest.MemoryRelay
	log *coretest.Log
}

// A clusterSetting says how the servers of a clusterScene are made. Its functions may be nil.
type clusterSetting struct {
	nodes   int
	relay   relaytest.MemoryOptions
	options func(i int, o *core.ServerOptions)
	prepare func(i int, srv *core.Server)
	through func(i int, r core.Relay) core.Relay // wraps the relay of a node
}

// inCluster runs f with servers that serve and know each other.
func inCluster(t *testing.T, set clusterSetting, f func(t *testing.T, s *clusterScene)) {
	synctest.Test(t, func(t *testing.T) {
		s := &clusterScene{t: t, broker: relaytest.NewMemory(&set.relay), setUp: set.options, prepare: set.prepare, through: set.through}
		defer s.end()
		for range set.nodes {
			s.start()
		}
		s.pass(5 * time.Second)
		for _, n := range s.nodes {
			require.Len(t, n.srv.Cluster().Nodes(), set.nodes-1)
		}
		f(t, s)
	})
}

// pass lets time go by.
func (s *clusterScene) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// start adds a node that serves.
func (s *clusterScene) start() *clusterNode {
	i := len(s.nodes)
	n := &clusterNode{lis: transport.NewPipeListener(), way: s.broker.Connect(), log: &coretest.Log{}}
	o := &core.ServerOptions{Logger: n.log}
	o.Cluster.Node = "node" + strconv.Itoa(i)
	if s.setUp != nil {
		s.setUp(i, o)
	}
	o.Cluster.Relay = n.way
	if s.through != nil {
		o.Cluster.Relay = s.through(i, n.way)
	}
	var err error
	n.srv, err = core.NewServer(o)
	require.NoError(s.t, err)
	if s.prepare != nil {
		s.prepare(i, n.srv)
	}
	s.nodes = append(s.nodes, n)
	go n.srv.Serve(context.Background(), n.lis) //nolint:errcheck // nil after Shutdown
	return n
}

func (s *clusterScene) end() {
	for _, c := range s.clients {
		c.Close() //nolint:errcheck // nothing to be done about it
	}
	for _, n := range s.nodes {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		n.srv.Shutdown(ctx) //nolint:errcheck // nothing to be done about it
		cancel()
	}
}

// A clusterClient is a client that remembers what it is sent.
type clusterClient struct {
	*core.Client
	mu  sync.Mutex
	got []string
}

// client makes a client of a node. It is not connected yet. auth is its user.
func (s *clusterScene) client(n *clusterNode, name, user string, groups ...string) *clusterClient {
	return s.clientOver(n.lis, core.Retry{Off: true}, name, user, groups...)
}

// clientOver makes a client that dials by d.
func (s *clusterScene) clientOver(d transport.Dialer, retry core.Retry, name, user string, groups ...string) *clusterClient {
	cl, err := core.NewClient(d, &core.ClientOptions{Name: name, Groups: groups, Auth: []byte(user), Retry: retry, Logger: core.Silent})
	require.NoError(s.t, err)
	c := &clusterClient{Client: cl}
	add := func(text string) {
		c.mu.Lock()
		c.got = append(c.got, text)
		c.mu.Unlock()
	}
	c.OnAny(func(_ context.Context, _ *core.Conn, f core.Frame) error {
		add(f.Command + " " + string(f.Payload))
		return nil
	})
	c.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error {
		if f.Kind == core.KindRaw {
			add("raw " + string(f.Payload))
		}
		return nil
	})
	c.HandleBytes("name", func(context.Context, *core.Conn, []byte) ([]byte, error) { return []byte(name), nil })
	c.HandleBytes("fail", func(context.Context, *core.Conn, []byte) ([]byte, error) {
		return nil, &core.Error{Code: core.CodeApplication + 7, Message: "no", RetryAfter: time.Second, Details: []byte("why")}
	})
	c.HandleBytes("hang", func(ctx context.Context, _ *core.Conn, _ []byte) ([]byte, error) {
		<-ctx.Done()
		add("given up")
		return nil, ctx.Err()
	})
	s.clients = append(s.clients, c)
	return c
}

// join connects a client to a node.
func (s *clusterScene) join(n *clusterNode, name string, groups ...string) *clusterClient {
	return s.joinAs(n, name, "", groups...)
}

func (s *clusterScene) joinAs(n *clusterNode, name, user string, groups ...string) *clusterClient {
	c := s.client(n, name, user, groups...)
	require.NoError(s.t, c.Connect(context.Background()))
	s.pass(10 * time.Millisecond)
	return c
}

// take returns what has come, and forgets it.
func (c *clusterClient) take() (got []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	got, c.got = c.got, nil
	return got
}

// wants checks what each client has been sent since the last look.
func (s *clusterScene) wants(want string, clients ...*clusterClient) {
	s.t.Helper()
	s.pass(10 * time.Millisecond)
	for _, c := range s.clients {
		if slices.Contains(clients, c) {
			require.Equal(s.t, []string{want}, c.take(), "%s", c.Name())
		} else {
			require.Empty(s.t, c.take(), "%s", c.Name())
		}
	}
}

// byUser takes Auth as the user.
func byUser(_ context.Context, a *core.Admission) error {
	a.User = string(a.Auth)
	return nil
}

func within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	context.AfterFunc(ctx, cancel)
	return ctx
}
