//go:build !js

package core_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/historytest"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
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

func TestSharedHistoryGoesOnAtAnyNode(t *testing.T) {
	withSharedHistory(t, 3, core.History{Messages: 10}, time.Millisecond, func(t *testing.T, s *sharedScene) {
		ada, bob := s.rover("ada", "red"), s.rover("bob", "red")
		s.say(s.nodes[2], "red", "before")
		ada.to(s.nodes[0])
		bob.to(s.nodes[1])
		require.Equal(t, []string{"before"}, ada.take(), "what is kept")
		s.say(s.nodes[0], "red", "a")
		s.say(s.nodes[2], "red", "b")
		require.Equal(t, []string{"a", "b"}, ada.take())
		require.Equal(t, []string{"before", "a", "b"}, bob.take())

		bob.to(s.nodes[2])
		require.Empty(t, bob.take(), "it has had everything")
		bob.away()
		s.say(s.nodes[0], "red", "c", "d")
		bob.to(s.nodes[0])
		s.say(s.nodes[1], "red", "e")
		require.Equal(t, []string{"c", "d", "e"}, bob.take())

		// A client that has missed more than is kept is told how much.
		bob.away()
		s.say(s.nodes[0], "red", texts("m", 1, 25)...)
		bob.to(s.nodes[2])
		require.Equal(t, append([]string{"missed 15 lost false"}, texts("m", 16, 25)...), bob.take())

		// It leaves the group and joins again, over one connection.
		require.NoError(t, bob.Leave(context.Background(), "red"))
		s.say(s.nodes[0], "red", "f")
		require.NoError(t, bob.Join(context.Background(), "red"))
		require.Equal(t, []string{"f"}, bob.take())
		require.Empty(t, s.told.take())
		for _, n := range s.nodes {
			st := n.srv.Stats().History
			require.True(t, st.Up)
			require.Zero(t, st.Waiting)
			require.Zero(t, st.Refused+st.Unsent)
		}
		require.Equal(t, 1, s.nodes[2].srv.Stats().History.Following)
		require.Zero(t, s.nodes[1].srv.Stats().History.Following, "its last member has gone")
	})
}

func TestSharedHistoryOutlivesAllServers(t *testing.T) {
	withSharedHistory(t, 2, core.History{Messages: 100}, 0, func(t *testing.T, s *sharedScene) {
		ada := s.rover("ada", "red", "blue")
		ada.to(s.nodes[0])
		s.say(s.nodes[1], "red", "one")
		require.Equal(t, []string{"one"}, ada.take())
		s.nodes[0].way.Kill()
		ada.away()
		s.say(s.nodes[1], "red", "two")
		s.say(s.nodes[1], "blue", "three")
		for _, n := range s.nodes {
			n.way.Kill()
			require.NoError(t, n.srv.Shutdown(within(time.Minute)))
		}
		late := s.start()
		s.say(late, "red", "four")
		ada.to(late)
		require.ElementsMatch(t, []string{"two", "three", "four"}, ada.take())
	})
}

// All members get the messages of all senders in one order, and each sender's in the sender's order.
func TestSharedHistoryHasOneOrder(t *testing.T) {
	withSharedHistory(t, 3, core.History{Messages: 1000}, 3*time.Millisecond, func(t *testing.T, s *sharedScene) {
		var members []*rover
		for i, n := range s.nodes {
			for j := range 2 {
				r := s.rover(fmt.Sprint("c", i, j), "red")
				r.to(n)
				members = append(members, r)
			}
		}
		var all sync.WaitGroup
		for i, n := range s.nodes {
			all.Go(func() {
				for j := range 100 {
					n.srv.Group("red").SendBytes("say", fmt.Appendf(nil, "%d %d", i, j)) //nolint:errcheck // it would be missing
					if j%10 == i {
						time.Sleep(time.Duration(j) * 100 * time.Microsecond)
					}
				}
			})
		}
		all.Wait()
		want := members[0].take()
		require.Len(t, want, 300)
		next := make([]int, 3)
		for _, text := range want {
			node, number, _ := strings.Cut(text, " ")
			i, _ := strconv.Atoi(node)
			require.Equal(t, strconv.Itoa(next[i]), number)
			next[i]++
		}
		for _, r := range members[1:] {
			require.Equal(t, want, r.take())
		}
	})
}

func TestSharedHistoryWithoutTheStore(t *testing.T) {
	withSharedHistory(t, 2, core.History{Messages: 100, QueueBytes: 64 << 10}, 0, func(t *testing.T, s *sharedScene) {
		ada, bob := s.rover("ada", "red"), s.rover("bob", "red")
		ada.to(s.nodes[0])
		s.say(s.nodes[1], "red", "one")
		require.Equal(t, []string{"one"}, ada.take())
		for _, w := range s.ways {
			w.Cut()
		}
		bob.to(s.nodes[1])
		require.Empty(t, bob.take(), "it is a member, and waits")
		s.say(s.nodes[0], "red", "two")
		s.say(s.nodes[1], "red", "three")
		red := s.nodes[0].srv.Group("red")
		require.NoError(t, red.SendBytes("say", []byte("typing"), core.Transient()))
		require.Equal(t, []string{"typing"}, ada.take(), "it does not go by the store")
		require.Equal(t, []string{"typing"}, bob.take())
		require.ErrorIs(t, red.SendBytes("say", []byte("late"), core.Wait(within(time.Second))), context.DeadlineExceeded)
		require.False(t, s.nodes[0].srv.Stats().History.Up)

		// What waits is bounded, and nothing is lost without a word.
		var err error
		taken := 0
		for err == nil {
			if err = red.SendBytes("say", make([]byte, 10_000)); err == nil {
				taken++
			}
		}
		require.Equal(t, core.CodeUnavailable, core.CodeOf(err))
		require.InDelta(t, 6, taken, 1)
		require.LessOrEqual(t, s.nodes[0].srv.Stats().History.Waiting, 64<<10)
		require.Equal(t, uint64(1), s.nodes[0].srv.Stats().History.Unsent)
		require.Error(t, red.SendBytes("say", make([]byte, 10_000), core.Wait(within(time.Second))), "there is no room")
		told := s.told.take()
		require.Len(t, told, 2, "each node says it once")
		require.Equal(t, core.CodeUnavailable, core.CodeOf(told[0]))

		for _, w := range s.ways {
			w.Mend()
		}
		s.pass(5 * time.Second)
		got := ada.take()
		require.True(t, slices.Equal(append([]string{"one"}, got...), bob.take()))
		short := slices.DeleteFunc(slices.Clone(got), func(text string) bool { return len(text) == 10_000 })
		require.ElementsMatch(t, []string{"two", "three", "late"}, short)
		require.Len(t, got, 3+taken)
		require.NoError(t, red.SendBytes("say", []byte("four"), core.Wait(within(time.Second))))
		require.Equal(t, []string{"four"}, ada.take())
		require.Equal(t, []string{"four"}, bob.take())
		require.Empty(t, s.told.take())
	})
}

// The store has a batch, and the server is not told so.
func TestSharedHistoryInDoubt(t *testing.T) {
	withSharedHistory(t, 2, core.History{Messages: 100}, 0, func(t *testing.T, s *sharedScene) {
		ada := s.rover("ada", "red")
		ada.to(s.nodes[0])
		s.ways[1].Doubt(3)
		s.say(s.nodes[1], "red", texts("m", 1, 50)...)
		s.pass(time.Second)
		require.Equal(t, texts("m", 1, 50), ada.take())
	})
}

// Parts that are lost on their way are found with the next message, and at last without one.
func TestSharedHistoryFindsWhatWasLost(t *testing.T) {
	withSharedHistory(t, 2, core.History{Messages: 10}, 0, func(t *testing.T, s *sharedScene) {
		ada := s.rover("ada", "red")
		ada.to(s.nodes[0])
		lost := true
		s.store.Lose(func(string) bool { return lost })
		s.say(s.nodes[1], "red", "one", "two")
		require.Empty(t, ada.take())
		lost = false
		s.say(s.nodes[1], "red", "three")
		require.Equal(t, []string{"one", "two", "three"}, ada.take())
		lost = true
		s.say(s.nodes[1], "red", "four")
		s.pass(40 * time.Second)
		require.Equal(t, []string{"four"}, ada.take())
		s.say(s.nodes[1], "red", texts("m", 1, 15)...)
		lost = false
		s.say(s.nodes[1], "red", "five")
		require.Equal(t, append(append([]string{"missed 6 lost false"}, texts("m", 7, 15)...), "five"), ada.take())
	})
}

func TestSharedHistoryOfAStoreThatWasDeleted(t *testing.T) {
	withSharedHistory(t, 2, core.History{Messages: 10}, 0, func(t *testing.T, s *sharedScene) {
		ada, bob := s.rover("ada", "red"), s.rover("bob", "red")
		ada.to(s.nodes[0])
		bob.to(s.nodes[1])
		s.say(s.nodes[1], "red", "one", "two")
		bob.take()
		bob.away()
		require.Equal(t, []string{"one", "two"}, ada.take())
		s.store.Delete()
		s.say(s.nodes[1], "red", "three")
		require.Equal(t, []string{"missed 0 lost true", "three"}, ada.take())
		bob.to(s.nodes[1])
		require.Equal(t, []string{"missed 0 lost true", "three"}, bob.take())
		s.say(s.nodes[1], "red", "four")
		require.Equal(t, []string{"four"}, ada.take())
		require.Equal(t, []string{"four"}, bob.take())
	})
}

func TestSharedHistoryOfStrangers(t *testing.T) {
	withSharedHistory(t, 2, core.History{Messages: 20}, 0, func(t *testing.T, s *sharedScene) {
		ada, bob := s.rover("ada", "red"), s.rover("bob", "red")
		ada.to(s.nodes[0])
		s.say(s.nodes[1], "red", "one")
		require.Equal(t, []string{"one"}, ada.take())
		red := s.store.Groups()[0]
		for _, garbage := range []string{"", "\x01", "\x02garbage", "\x01\x00\x00\x00\x00\x00\x00\x00\x00", strings.Repeat("\xff", 3000), "\x01........\x01\x00\x03blu\x00\x00\x00\x00\x02hi"} {
			s.store.Inject(red, []byte(garbage))
		}
		s.say(s.nodes[1], "red", "two")
		require.Equal(t, []string{"two"}, ada.take())
		bob.to(s.nodes[1])
		require.Equal(t, []string{"one", "two"}, bob.take(), "the others take no part")
		require.Equal(t, uint64(6), s.nodes[0].srv.Stats().History.Refused)
		require.NotEmpty(t, s.told.take())
		require.Len(t, s.nodes[0].srv.Group("red").History(), 2)
		require.Len(t, s.nodes[1].srv.Group("red").History(), 2)

		// Parts that are not in the log: of other epochs, of the past and the future, without sense.
		reads := s.ways[0].Reads()
		part := func(epoch, first uint64, texts ...string) core.HistoryPart {
			p := core.HistoryPart{Epoch: epoch, First: first}
			for _, text := range texts {
				p.Messages = append(p.Messages, []byte(text))
			}
			return p
		}
		for _, p := range []core.HistoryPart{
			part(0, 1, "x"), part(1, 0, "x"), part(1, 1, "x"), part(1, 1<<64-1, "x", "y"), part(7, 1<<63), part(12345, 9, "x", "y"),
		} {
			s.store.Tell(red, p)
			s.store.Tell("unknown", p)
			s.pass(time.Second)
		}
		require.LessOrEqual(t, s.ways[0].Reads()-reads, 20, "each costs a few reads")
		s.say(s.nodes[0], "red", "three")
		require.Equal(t, []string{"three"}, ada.take())
		require.Equal(t, []string{"three"}, bob.take())
	})
}

func TestSharedHistoryOptionsOfSends(t *testing.T) {
	withSharedHistory(t, 2, core.History{Messages: 20}, time.Millisecond, func(t *testing.T, s *sharedScene) {
		ada, bob := s.rover("ada", "red"), s.rover("bob", "red")
		ada.to(s.nodes[0])
		bob.to(s.nodes[1])
		red := [2]*core.Group{s.nodes[0].srv.Group("red"), s.nodes[1].srv.Group("red")}
		conn, err := s.nodes[0].srv.Client("ada")
		require.NoError(t, err)
		require.NoError(t, red[0].SendBytes("say", []byte("not to ada"), core.Except(conn), core.Wait(within(time.Second))))
		found, err := s.nodes[1].srv.Cluster().Find(context.Background(), "ada")
		require.NoError(t, err)
		require.NoError(t, red[1].SendBytes("say", []byte("nor this"), core.ExceptClients(found[0].ID), core.Wait(within(time.Second))))
		require.NoError(t, red[0].SendRaw([]byte("raw"), core.Wait(within(time.Second))))
		require.Equal(t, []string{"raw"}, ada.take())
		require.Equal(t, []string{"not to ada", "nor this", "raw"}, bob.take())
		ada.to(s.nodes[1])
		require.Empty(t, ada.take(), "nor when it comes back")

		require.Len(t, red[0].History(), 3)
		require.Equal(t, core.KindRaw, red[1].History()[2].Kind)
		conn, err = s.nodes[1].srv.Client("ada")
		require.NoError(t, err)
		require.NoError(t, red[1].Replay(conn, 2))
		require.Equal(t, []string{"nor this", "raw"}, ada.take())
		require.NoError(t, s.nodes[1].srv.Group("blue").SendBytes("say", []byte("blue"), core.Wait(within(time.Second))))
		require.NoError(t, s.nodes[1].srv.Group("blue").Replay(conn, 0), "it is no member")
		require.Equal(t, []string{"blue"}, ada.take())

		red[0].Forget()
		require.NoError(t, red[0].SendBytes("say", []byte("new"), core.Wait(within(time.Second))))
		require.Equal(t, []string{"new"}, ada.take())
		require.Equal(t, []string{"new"}, bob.take())
		require.Len(t, red[0].History(), 1)
		require.Len(t, red[1].History(), 1)
		cid := s.rover("cid", "red")
		cid.to(s.nodes[0])
		require.Equal(t, []string{"new"}, cid.take())
		require.Equal(t, core.CodeBadName, core.CodeOf(s.nodes[0].srv.Group("").SendRaw(nil)))
		require.Equal(t, core.CodeBadName, core.CodeOf(red[0].SendBytes("", nil)))
		require.Equal(t, core.CodeTooBig, core.CodeOf(red[0].SendRaw(make([]byte, 2<<20))))
		require.NoError(t, s.nodes[0].srv.Shutdown(within(time.Minute)))
		require.Equal(t, core.CodeShutdown, core.CodeOf(red[0].SendRaw(nil)))
	})
}

// A client says that it is at positions where nobody is. It is given what is kept, and nobody else is held up.
func TestSharedHistoryOfClientsThatLie(t *testing.T) {
	withSharedHistory(t, 1, core.History{Messages: 20}, 0, func(t *testing.T, s *sharedScene) {
		ada := s.rover("ada", "red")
		ada.to(s.nodes[0])
		s.say(s.nodes[0], "red", "one", "two")
		require.Equal(t, []string{"one", "two"}, ada.take())
		epoch := uint64(0)
		for i, at := range []wire.Position{{}, {Epoch: 7, Number: 1}, {Epoch: 1, Number: 1 << 62}, {Number: 9}, {Number: 1<<64 - 1}, {Number: 1}} {
			stream, err := s.nodes[0].lis.Dial(context.Background())
			require.NoError(t, err)
			p := &coretest.Peer{T: t, Stream: stream}
			at.Group = "red"
			h := wire.Hello{Name: "eve" + strconv.Itoa(i), Groups: []string{"red"}}
			if i > 0 {
				if at.Epoch == 0 {
					at.Epoch = epoch
				}
				h.Positions = []wire.Position{at}
			}
			p.Send(coretest.Hello(h))
			r, err := wire.ParseReplay(p.WantKind(wire.KindReplay).Body, &wire.Limits{MaxName: 100})
			require.NoError(t, err)
			epoch = r.Epoch
			want := uint64(2)
			if at == (wire.Position{Group: "red", Epoch: epoch, Number: 1}) {
				want = 1 // the one that is no lie
			}
			require.Equal(t, wire.Replay{Group: "red", Epoch: epoch, Last: 2, Count: want}, *r)
			require.NoError(t, stream.Close())
			s.say(s.nodes[0], "blue", "nothing")
		}
		require.LessOrEqual(t, s.ways[0].Reads(), 8, "a read for each lie at most")
		s.say(s.nodes[0], "red", "three")
		require.Equal(t, []string{"three"}, ada.take())
	})
}

// A session moves to another node while its client still waits for the messages of a group.
func TestSharedHistoryOfANewcomerThatMoves(t *testing.T) {
	withSharedHistory(t, 2, core.History{Messages: 20, Groups: 1}, 0, func(t *testing.T, s *sharedScene) {
		bob := s.rover("bob", "red", "blue")
		bob.to(s.nodes[0])
		r := &roamer{}
		r.at.Store(s.nodes[0])
		ada := s.clientOver(r, core.Retry{}, "ada", "", "red")
		require.NoError(t, ada.Connect(context.Background()))
		s.say(s.nodes[0], "red", "one")
		require.Equal(t, []string{"say one"}, ada.take())
		require.NoError(t, ada.Leave(context.Background(), "red"))
		s.say(s.nodes[0], "red", "two")
		s.say(s.nodes[0], "blue", "this pushes the copy of red out")
		s.ways[0].Cut()
		require.NoError(t, ada.Join(context.Background(), "red"))
		s.pass(time.Second)
		require.Empty(t, ada.take(), "it waits for the store")
		r.goTo(s.nodes[1])
		s.pass(10 * time.Second)
		require.EqualValues(t, 1, ada.Stats().Resumed)
		require.Equal(t, []string{"say two"}, ada.take())
		s.ways[0].Mend()
		s.say(s.nodes[0], "red", "three")
		s.pass(5 * time.Second)
		require.Equal(t, []string{"say three"}, ada.take())
	})
}

func TestSharedHistoryAfterTheEnd(t *testing.T) {
	store := historytest.NewMemory(0)
	srv, err := core.NewServer(&core.ServerOptions{Logger: core.Silent, History: core.History{Messages: 5, Replay: true, Store: store.Connect()}})
	require.NoError(t, err)
	require.NoError(t, srv.Shutdown(within(time.Minute)))
	require.Equal(t, core.CodeShutdown, core.CodeOf(srv.Group("red").SendRaw(nil)))
	require.Empty(t, srv.Group("red").History())

	// A program that serves nobody sends, and ends: everything is in the store.
	srv, err = core.NewServer(&core.ServerOptions{Logger: core.Silent, History: core.History{Messages: 500, Replay: true, Store: store.Connect()}})
	require.NoError(t, err)
	for range 300 {
		require.NoError(t, srv.Group("red").SendRaw([]byte("x")))
	}
	require.NoError(t, srv.Shutdown(within(time.Minute)))
	require.Equal(t, uint64(300), srv.Stats().History.Appended)
}

func TestSharedHistoryOptions(t *testing.T) {
	store := historytest.NewMemory(0).Connect()
	for name, h := range map[string]core.History{
		"no messages":      {Store: store},
		"no replay":        {Messages: 5, Store: store},
		"no store":         {Messages: 5, Replay: true, QueueBytes: 1 << 20},
		"too little queue": {Messages: 5, Replay: true, Store: store, QueueBytes: 1},
	} {
		_, err := core.NewServer(&core.ServerOptions{History: h})
		var bad *core.OptionError
		require.ErrorAs(t, err, &bad, name)
		require.Contains(t, bad.Error(), "History.", name)
	}
}

// Many clients that join at once are given what is kept with few reads.
func TestSharedHistoryReadsOnceForMany(t *testing.T) {
	withSharedHistory(t, 1, core.History{Messages: 10}, 0, func(t *testing.T, s *sharedScene) {
		s.say(s.nodes[0], "red", "one", "two")
		var all sync.WaitGroup
		var clients []*rover
		s.ways[0].Cut()
		for i := range 400 {
			r := s.rover(strconv.Itoa(i), "red")
			r.at.Store(s.nodes[0].lis)
			clients = append(clients, r)
			all.Go(func() { r.Connect(context.Background()) }) //nolint:errcheck // its messages would be missing
		}
		all.Wait()
		s.pass(time.Second)
		s.ways[0].Mend()
		s.pass(2 * time.Second)
		for _, r := range clients {
			r.mu.Lock()
			require.Equal(t, []string{"one", "two"}, r.got)
			r.mu.Unlock()
		}
		require.LessOrEqual(t, s.ways[0].Reads(), 3)
	})
}
