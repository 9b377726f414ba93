//go:build !js

package core_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/historytest"
	"github.com/hisock/hisock/transport"
)

// A sharedScene is a cluster whose servers have one store of history.
type sharedScene struct {
	*clusterScene
	store *historytest.Memory
	ways  []*historytest.MemoryStore
	told  *errorList
}

// An errorList collects what error hooks are told.
type errorList struct {
	mu   sync.Mutex
	errs []error
}

func (l *errorList) take() (errs []error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	errs, l.errs = l.errs, nil
	return errs
}

// withSharedHistory runs f with servers that keep messages in one store, of groups for which h says so.
func withSharedHistory(t *testing.T, nodes int, h core.History, delay time.Duration, f func(t *testing.T, s *sharedScene)) {
	s := &sharedScene{store: historytest.NewMemory(delay), told: &errorList{}}
	set := clusterSetting{
		nodes: nodes,
		options: func(_ int, o *core.ServerOptions) {
			way := s.store.Connect()
			s.ways = append(s.ways, way)
			o.History = h
			o.History.Replay, o.History.Store = true, way
		},
		prepare: func(_ int, srv *core.Server) {
			srv.OnError(func(_ *core.Conn, err error) {
				s.told.mu.Lock()
				s.told.errs = append(s.told.errs, err)
				s.told.mu.Unlock()
			})
		},
	}
	inCluster(t, set, func(t *testing.T, c *clusterScene) {
		s.clusterScene = c
		f(t, s)
	})
}

// A rover is a client that goes from node to node. It writes down the messages of its groups, with "replay" lines for gaps.
type rover struct {
	*core.Client
	s   *sharedScene
	at  atomic.Pointer[transport.PipeListener]
	mu  sync.Mutex
	got []string
}

// Dial connects to the node where the rover is.
func (r *rover) Dial(ctx context.Context) (transport.Conn, error) { return r.at.Load().Dial(ctx) }

func (s *sharedScene) rover(name string, groups ...string) *rover {
	r := &rover{s: s}
	cl, err := core.NewClient(r, &core.ClientOptions{Name: name, Groups: groups, Retry: core.Retry{Off: true}, Logger: core.Silent})
	require.NoError(s.t, err)
	r.Client = cl
	add := func(text string) {
		r.mu.Lock()
		r.got = append(r.got, text)
		r.mu.Unlock()
	}
	cl.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error {
		add(string(f.Payload))
		return nil
	})
	cl.OnReplay(func(_ *core.Conn, p core.Replay) {
		if p.Lost || p.Missed > 0 {
			add(fmt.Sprintf("missed %d lost %v", p.Missed, p.Lost))
		}
	})
	s.clients = append(s.clients, &clusterClient{Client: cl})
	return r
}

// to connects the rover to a node. It leaves the node before in order.
func (r *rover) to(n *clusterNode) {
	r.away()
	r.at.Store(n.lis)
	require.NoError(r.s.t, r.Connect(context.Background()))
	r.s.pass(10 * time.Millisecond)
}

func (r *rover) away() {
	if c := r.Conn(); c != nil {
		c.Close() //nolint:errcheck // it may be over
		r.s.pass(10 * time.Millisecond)
	}
}

// take returns what has come since the last look.
func (r *rover) take() (got []string) {
	r.s.pass(20 * time.Millisecond)
	r.mu.Lock()
	defer r.mu.Unlock()
	got, r.got = r.got, nil
	return got
}

// texts returns the texts of the numbers from a to b.
func texts(what string, from, to int) (texts []string) {
	for i := from; i <= to; i++ {
		texts = append(texts, what+strconv.Itoa(i))
	}
	return texts
}

func (s *sharedScene) say(n *clusterNode, group string, texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		require.NoError(s.t, n.srv.Group(group).SendBytes("say", []byte(text)))
	}
	s.pass(10 * time.Millisecond)
}
