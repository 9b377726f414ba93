//go:build !js

package core_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/historytest"
)

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
