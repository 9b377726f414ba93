//go:build !js

package core_test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/relaytest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A roamer dials the node that it is told to. It can cut its stream.
type roamer struct {
	at     atomic.Pointer[clusterNode]
	last   atomic.Pointer[transport.Conn]
	broken atomic.Bool
}

func (r *roamer) Dial(ctx context.Context) (transport.Conn, error) {
	if r.broken.Load() {
		return nil, context.DeadlineExceeded
	}
	conn, err := r.at.Load().lis.Dial(ctx)
	if err == nil {
		r.last.Store(&conn)
	}
	return conn, err
}

// goTo makes the client go to a node.
func (r *roamer) goTo(n *clusterNode) {
	r.at.Store(n)
	(*r.last.Load()).Close() //nolint:errcheck // it is being cut
}

// roam makes a client that comes back wherever its roamer is. It is connected.
func (s *clusterScene) roam(n *clusterNode, name, user string, groups ...string) (*clusterClient, *roamer) {
	r := &roamer{}
	r.at.Store(n)
	c := s.clientOver(r, core.Retry{}, name, user, groups...)
	require.NoError(s.t, c.Connect(context.Background()))
	s.pass(10 * time.Millisecond)
	return c, r
}

func echoing(i int, srv *core.Server) {
	srv.HandleBytes("node", func(_ context.Context, c *core.Conn, p []byte) ([]byte, error) {
		return fmt.Appendf(nil, "node%d %s", i, p), nil
	})
	srv.OnBytes("say", func(_ context.Context, c *core.Conn, p []byte) error {
		return c.SendBytes("said", p)
	})
}

func TestResumeAtAnotherNode(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 3, prepare: echoing}, func(t *testing.T, s *clusterScene) {
		c, r := s.roam(s.nodes[0], "ada", "", "g")
		require.NoError(t, c.SendBytes("say", []byte("1")))
		s.wants("said 1", c)
		for i := range 6 {
			to := s.nodes[(i+1)%3]
			r.goTo(to)
			require.NoError(t, s.nodes[2].srv.Group("g").SendBytes("to", []byte("group")))
			require.NoError(t, c.SendBytes("say", []byte("2")))
			s.pass(5 * time.Second)
			require.Len(t, c.take(), 2)
			got, err := c.CallBytes(within(time.Second), "node", nil)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("node%d ", (i+1)%3), string(got))
			require.Equal(t, 1, to.srv.Len())
			require.EqualValues(t, i+1, c.Stats().Resumed)
			for _, n := range s.nodes {
				require.NoError(t, n.srv.Group("g").SendBytes("to", []byte("all")))
				require.NoError(t, n.srv.All().SendBytes("to", []byte("all")))
				require.NoError(t, n.srv.Named("ada").SendBytes("to", []byte("all")))
				s.pass(100 * time.Millisecond)
				require.Equal(t, []string{"to all", "to all", "to all"}, c.take())
			}
		}
	})
}

// A tally counts what a client gets of numbered messages, by sender.
type tally struct {
	mu   sync.Mutex
	next map[string]int
	bad  []string
}

func (y *tally) got(from string, n int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.next == nil {
		y.next = make(map[string]int)
	}
	if n != y.next[from]+1 && len(y.bad) < 20 {
		y.bad = append(y.bad, fmt.Sprintf("%s: %d after %d", from, n, y.next[from]))
	}
	y.next[from] = max(n, y.next[from])
}

// saw checks that all messages up to last have come from a sender, each once and in order.
func (y *tally) saw(t *testing.T, from string, last int) {
	t.Helper()
	y.mu.Lock()
	defer y.mu.Unlock()
	require.Empty(t, y.bad)
	require.Equal(t, last, y.next[from], from)
}

// note counts a message "sender number".
func (y *tally) note(p []byte) {
	from, n, _ := strings.Cut(string(p), " ")
	number, _ := strconv.Atoi(n)
	y.got(from, number)
}

// A load sends numbered messages to clients in all ways, and the clients to their servers, until it is stopped.
type load struct {
	stop    chan struct{}
	senders sync.WaitGroup
	mu      sync.Mutex
	sent    map[string]int
}

func newLoad() *load { return &load{stop: make(chan struct{}), sent: make(map[string]int)} }

// run sends under a name, each pause.
func (l *load) run(name string, pause time.Duration, send func(p []byte) error) {
	l.senders.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-l.stop:
				return
			case <-time.After(pause):
			}
			if send(fmt.Appendf(nil, "%s %d", name, n)) != nil {
				n--
				continue
			}
			l.mu.Lock()
			l.sent[name] = n
			l.mu.Unlock()
		}
	})
}

func (l *load) end() map[string]int {
	close(l.stop)
	l.senders.Wait()
	return l.sent
}

// Sessions go from node to node while everybody sends to them, and they send. Nothing is lost, comes twice or in another order.
func TestNothingIsLostOnTheWay(t *testing.T) {
	for _, delay := range []time.Duration{0, 3 * time.Millisecond} {
		t.Run(delay.String(), func(t *testing.T) {
			heard := make([]tally, 4)
			users := make(map[string]*tally)
			inCluster(t, clusterSetting{
				nodes: 3,
				relay: relaytest.MemoryOptions{Delay: delay},
				options: func(_ int, o *core.ServerOptions) {
					o.Access.Authorize = byUser
				},
				prepare: func(_ int, srv *core.Server) {
					srv.OnBytes("tell", func(_ context.Context, c *core.Conn, p []byte) error {
						users[c.Name()].note(p)
						return nil
					})
				},
			}, func(t *testing.T, s *clusterScene) {
				var clients []*clusterClient
				var roamers []*roamer
				got := make([]tally, 4)
				l := newLoad()
				for i := range got {
					name := "c" + strconv.Itoa(i)
					users[name] = &heard[i]
					r := &roamer{}
					r.at.Store(s.nodes[i%3])
					c := s.clientOver(r, core.Retry{}, name, "u"+strconv.Itoa(i), "g")
					c.OnBytes("n", func(_ context.Context, _ *core.Conn, p []byte) error {
						got[i].note(p)
						return nil
					})
					require.NoError(t, c.Connect(context.Background()))
					clients, roamers = append(clients, c), append(roamers, r)
				}
				s.pass(time.Second)
				for i, n := range s.nodes {
					at := "@" + strconv.Itoa(i)
					l.run("group"+at, 17*time.Millisecond, func(p []byte) error { return n.srv.Group("g").SendBytes("n", p) })
					l.run("all"+at, 23*time.Millisecond, func(p []byte) error { return n.srv.All().SendBytes("n", p) })
					for j := range clients {
						l.run("name"+strconv.Itoa(j)+at, 59*time.Millisecond, func(p []byte) error { return n.srv.Named("c"+strconv.Itoa(j)).SendBytes("n", p) })
						l.run("user"+strconv.Itoa(j)+at, 61*time.Millisecond, func(p []byte) error { return n.srv.User("u"+strconv.Itoa(j)).SendBytes("n", p) })
					}
				}
				for j, c := range clients {
					l.run("client"+strconv.Itoa(j), 7*time.Millisecond, func(p []byte) error { return c.SendBytes("tell", p) })
				}
				for i := range 14 {
					roamers[i%4].goTo(s.nodes[(i/4+i)%3])
					s.pass(time.Duration(500+i*137%400) * time.Millisecond)
				}
				sent := l.end()
				s.pass(time.Minute)
				for j, c := range clients {
					require.Greater(t, c.Stats().Resumed, uint64(2))
					for i := range s.nodes {
						at := "@" + strconv.Itoa(i)
						for _, from := range []string{"group", "all", "name" + strconv.Itoa(j), "user" + strconv.Itoa(j)} {
							got[j].saw(t, from+at, sent[from+at])
						}
					}
					heard[j].saw(t, "client"+strconv.Itoa(j), sent["client"+strconv.Itoa(j)])
				}
			})
		})
	}
}

// What a store keeps of groups comes once too, also while a session moves.
func TestStoredGroupsOnTheWay(t *testing.T) {
	withSharedHistory(t, 2, core.History{Messages: 4096, Bytes: 1 << 20}, 3*time.Millisecond, func(t *testing.T, s *sharedScene) {
		var got tally
		r := &roamer{}
		r.at.Store(s.nodes[0])
		c := s.clientOver(r, core.Retry{}, "ada", "", "g")
		c.OnBytes("n", func(_ context.Context, _ *core.Conn, p []byte) error {
			got.note(p)
			return nil
		})
		require.NoError(t, c.Connect(context.Background()))
		s.pass(time.Second)
		l := newLoad()
		for i, n := range s.nodes {
			l.run("@"+strconv.Itoa(i), 5*time.Millisecond, func(p []byte) error { return n.srv.Group("g").SendBytes("n", p) })
		}
		for i := range 4 {
			r.goTo(s.nodes[(i+1)%2])
			s.pass(4 * time.Second)
		}
		sent := l.end()
		s.pass(time.Minute)
		for from, n := range sent {
			got.saw(t, from, n)
		}
		require.EqualValues(t, 4, c.Stats().Resumed)
	})
}

// A client gives up an attempt to come back to one node, and comes back to another one, while both nodes ask for its session. One of them gets it, and
// the client goes on there, or at a third attempt.
func TestTwoNodesWantASession(t *testing.T) {
	for _, busy := range []time.Duration{300 * time.Millisecond, 600 * time.Millisecond, 950 * time.Millisecond, 3 * time.Second} {
		t.Run(busy.String(), func(t *testing.T) {
			var joined atomic.Int64
			inCluster(t, clusterSetting{nodes: 3, relay: relaytest.MemoryOptions{Delay: 3 * time.Millisecond}, prepare: func(i int, srv *core.Server) {
				echoing(i, srv)
				srv.OnJoin(func(*core.Conn) { joined.Add(1) })
				srv.OnBytes("busy", func(context.Context, *core.Conn, []byte) error {
					time.Sleep(busy)
					return nil
				})
			}}, func(t *testing.T, s *clusterScene) {
				c, r := s.roam(s.nodes[0], "ada", "", "g")
				require.NoError(t, c.SendBytes("busy", nil))
				s.pass(10 * time.Millisecond)
				for i := range 8 { // the client gives up each attempt while it waits for its session
					r.goTo(s.nodes[1+i%2])
					s.pass(130 * time.Millisecond)
				}
				s.pass(20 * time.Second)
				require.EqualValues(t, 1, joined.Load())
				require.NotZero(t, c.Stats().Resumed)
				require.NoError(t, c.SendBytes("say", []byte("1")))
				s.wants("said 1", c)
			})
		})
	}
}

// A client that gives up an attempt while its session is on its way to the node, and comes back to the same node, goes on there.
func TestSecondAttemptWhileASessionIsOnItsWay(t *testing.T) {
	var joined atomic.Int64
	inCluster(t, clusterSetting{nodes: 2, prepare: func(i int, srv *core.Server) {
		echoing(i, srv)
		srv.OnJoin(func(*core.Conn) { joined.Add(1) })
	}}, func(t *testing.T, s *clusterScene) {
		c, r := s.roam(s.nodes[0], "ada", "", "g")
		s.broker.Drop(isQuestion(relay.Take))
		for range 2 {
			last := r.last.Load()
			r.goTo(s.nodes[1])
			for r.last.Load() == last {
				s.pass(10 * time.Millisecond)
			}
			s.pass(100 * time.Millisecond)
			require.Equal(t, 1, s.nodes[1].srv.Len(), "the session is on its way")
		}
		s.broker.Drop(nil)
		s.pass(20 * time.Second)
		require.EqualValues(t, 1, joined.Load())
		require.NotZero(t, c.Stats().Resumed)
		require.NoError(t, c.SendBytes("say", []byte("1")))
		s.wants("said 1", c)
	})
}

// A session that two attempts have waited for at a node, and that has not come, leaves nothing behind there.
func TestSecondAttemptForASessionThatDoesNotCome(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2, prepare: echoing}, func(t *testing.T, s *clusterScene) {
		c, r := s.roam(s.nodes[0], "ada", "", "g")
		s.broker.Drop(isQuestion(relay.Take))
		for range 2 {
			last := r.last.Load()
			r.goTo(s.nodes[1])
			for r.last.Load() == last {
				s.pass(10 * time.Millisecond)
			}
			s.pass(100 * time.Millisecond)
		}
		s.pass(20 * time.Second)
		s.broker.Drop(nil)
		s.pass(2 * time.Minute)
		require.NoError(t, c.SendBytes("say", []byte("1")))
		s.wants("said 1", c)
		require.Equal(t, 1, s.nodes[0].srv.Len()+s.nodes[1].srv.Len())
		for _, n := range s.nodes {
			require.NoError(t, n.srv.Shutdown(within(time.Minute)))
		}
	})
}

// isQuestion returns whether a message over the relay asks that.
func isQuestion(subject relay.Subject) func(topic string, payload []byte) bool {
	return func(_ string, payload []byte) bool {
		head, body, fault := relay.ParseHead(payload)
		if fault != relay.None || head.Kind != relay.KindQuestion {
			return false
		}
		q, fault := relay.ParseQuestion(body)
		return fault == relay.None && q.Subject == subject
	}
}

// A client whose program has ended its connection while its session was on its way to that node is told so.
func TestDisconnectWhileASessionIsOnItsWay(t *testing.T) {
	why := core.NewError(core.CodeUnauthorized, "go")
	inCluster(t, clusterSetting{nodes: 2, options: func(_ int, o *core.ServerOptions) { o.Access.Authorize = byUser }}, func(t *testing.T, s *clusterScene) {
		c, r := s.roam(s.nodes[0], "ada", "u", "g")
		s.broker.Drop(isQuestion(relay.Take))
		r.goTo(s.nodes[1])
		for s.nodes[1].srv.Len() == 0 {
			s.pass(10 * time.Millisecond)
		}
		s.nodes[1].srv.User("u").Disconnect(why)
		s.broker.Drop(nil)
		s.pass(time.Minute)
		require.Equal(t, core.CodeUnauthorized, core.CodeOf(c.Err()))
		for _, n := range s.nodes {
			require.Zero(t, n.srv.Len())
		}
	})
}

// A function of the program that ends its goroutine loses the session and nothing else.
func TestPackAndUnpackThatEndTheirGoroutine(t *testing.T) {
	for name, set := range map[string]func(o *core.ClusterOptions){
		"Pack": func(o *core.ClusterOptions) {
			o.Pack = func(*core.Conn) ([]byte, error) { runtime.Goexit(); return nil, nil }
		},
		"Unpack": func(o *core.ClusterOptions) {
			o.Unpack = func(*core.Conn, []byte) error { runtime.Goexit(); return nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			inCluster(t, clusterSetting{nodes: 2, prepare: echoing, options: func(_ int, o *core.ServerOptions) {
				o.Access.UniqueNames = true
				set(&o.Cluster)
			}}, func(t *testing.T, s *clusterScene) {
				c, r := s.roam(s.nodes[0], "ada", "")
				r.goTo(s.nodes[1])
				s.pass(time.Minute)
				require.NoError(t, c.SendBytes("say", []byte("1")))
				s.wants("said 1", c)
				require.Zero(t, s.nodes[0].srv.Len())
				require.Equal(t, 1, s.nodes[1].srv.Len())
				require.NoError(t, s.nodes[1].srv.Shutdown(within(time.Minute)))
			})
		})
	}
}

// A client that knows its session by its first id goes on wherever the session is, also where it began.
func TestResumeByTheFirstID(t *testing.T) {
	inCluster(t, clusterSetting{nodes: 2, prepare: echoing}, func(t *testing.T, s *clusterScene) {
		hello := wire.Hello{Name: "ada", Resume: true}
		for i := range 6 {
			stream, err := s.nodes[i%2].lis.Dial(t.Context())
			require.NoError(t, err)
			p := coretest.NewPeer(t, stream)
			p.Send(wire.AppendHello([]byte(wire.Preface), &hello))
			f := p.WantKind(wire.KindWelcome)
			w, err := wire.ParseWelcome(f.Body, nil)
			require.NoError(t, err)
			require.Equal(t, i > 0, w.Resumed, i)
			if i == 0 {
				p.Send(wire.AppendAck(nil, 0)) // the peer has the token
				hello.Session, hello.Token = bytes.Clone(w.Session), bytes.Clone(w.Token)
			}
			s.pass(100 * time.Millisecond)
			require.NoError(t, stream.Close())
			s.pass(100 * time.Millisecond)
		}
	})
}

// A session waits for the leave handler at the node that it leaves, which gives its unique name back.
func TestSlowLeaveHandlerOfASessionThatMoves(t *testing.T) {
	var joined atomic.Int64
	inCluster(t, clusterSetting{nodes: 2, options: uniqueNames, prepare: func(i int, srv *core.Server) {
		echoing(i, srv)
		srv.OnJoin(func(*core.Conn) { joined.Add(1) })
		srv.OnLeave(func(*core.Conn, error) { time.Sleep(2 * time.Second) })
	}}, func(t *testing.T, s *clusterScene) {
		c, r := s.roam(s.nodes[0], "ada", "")
		r.goTo(s.nodes[1])
		s.pass(time.Minute)
		require.NoError(t, c.SendBytes("say", []byte("1")))
		s.wants("said 1", c)
		require.EqualValues(t, 1, joined.Load())
		require.NotZero(t, c.Stats().Resumed)
	})
}
