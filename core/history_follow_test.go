//go:build !js

package core_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// A copy is pushed out of the memory while a server reads what it lacks: newcomers are given all that the store keeps.
func TestCopyIsPushedOutDuringARead(t *testing.T) {
	withSharedHistory(t, 1, core.History{Messages: 10, Groups: 1}, 0, func(t *testing.T, s *sharedScene) {
		ada, bob := s.rover("ada", "red", "blue"), s.rover("bob", "red")
		ada.to(s.nodes[0])
		s.say(s.nodes[0], "red", "one", "two")
		require.Equal(t, []string{"one", "two"}, ada.take())
		s.ways[0].Slow(time.Second)
		stream, err := s.nodes[0].lis.Dial(context.Background())
		require.NoError(t, err)
		p := &coretest.Peer{T: t, Stream: stream} // it has the group read
		p.Send(coretest.Hello(wire.Hello{Name: "eve", Groups: []string{"red"}, Positions: []wire.Position{{Group: "red", Epoch: 7, Number: 1}}}))
		s.pass(100 * time.Millisecond)
		s.say(s.nodes[0], "blue", "pushes red out")
		s.pass(2 * time.Second)
		stream.Close() //nolint:errcheck // it has done its work
		s.ways[0].Slow(0)
		bob.to(s.nodes[0])
		require.Equal(t, []string{"one", "two"}, bob.take())
		s.say(s.nodes[0], "red", "three")
		require.Equal(t, []string{"three"}, bob.take())
		require.Equal(t, []string{"pushes red out", "three"}, ada.take())
	})
}

// A message leaves out a client that is a member and has not been given the group's messages yet, because the store is slow.
func TestExceptAMemberThatWaits(t *testing.T) {
	withSharedHistory(t, 2, core.History{Messages: 10}, time.Millisecond, func(t *testing.T, s *sharedScene) {
		ada, bob := s.rover("ada", "red"), s.rover("bob", "red")
		bob.to(s.nodes[1])
		s.say(s.nodes[1], "red", "before")
		s.ways[0].Cut()
		ada.to(s.nodes[0])
		conn, err := s.nodes[0].srv.Client("ada")
		require.NoError(t, err)
		red := s.nodes[0].srv.Group("red")
		require.NoError(t, red.SendBytes("say", []byte("not to ada"), core.Except(conn)))
		found, err := s.nodes[1].srv.Cluster().Find(context.Background(), "ada")
		require.NoError(t, err)
		require.NoError(t, s.nodes[1].srv.Group("red").SendBytes("say", []byte("nor this"), core.ExceptClients(found[0].ID)))
		require.NoError(t, red.SendBytes("say", []byte("to all")))
		s.pass(time.Second)
		s.ways[0].Mend()
		s.pass(2 * time.Second)
		require.Equal(t, []string{"before", "nor this", "not to ada", "to all"}, bob.take())
		require.Equal(t, []string{"before", "to all"}, ada.take())
		ada.to(s.nodes[1])
		require.Empty(t, ada.take(), "nor when it comes back")
		cid := s.rover("cid", "red")
		cid.to(s.nodes[0])
		require.Equal(t, []string{"before", "nor this", "not to ada", "to all"}, cid.take(), "others are given it")
	})
}

// A client that has moved to another node is left out by the id that it had before.
func TestExceptAClientThatHasMoved(t *testing.T) {
	withSharedHistory(t, 2, core.History{Messages: 10}, time.Millisecond, func(t *testing.T, s *sharedScene) {
		c, r := s.roam(s.nodes[0], "ada", "", "red")
		found, err := s.nodes[1].srv.Cluster().Find(context.Background(), "ada")
		require.NoError(t, err)
		r.goTo(s.nodes[1])
		s.pass(5 * time.Second)
		require.EqualValues(t, 1, c.Stats().Resumed)
		for _, n := range s.nodes {
			for _, transient := range []bool{false, true} { // by the store and by the relay
				opts := []core.SendOption{core.ExceptClients(found[0].ID)}
				if transient {
					opts = append(opts, core.Transient())
				}
				require.NoError(t, n.srv.Group("red").SendBytes("say", []byte("not to ada"), opts...))
			}
			require.NoError(t, n.srv.Group("red").SendBytes("say", []byte("all")))
		}
		s.pass(time.Second)
		require.Equal(t, []string{"say all", "say all"}, c.take())
	})
}

// A server that was cut off from the store while messages were forgotten gives them to nobody when it is back.
func TestForgottenWhileCutOff(t *testing.T) {
	withSharedHistory(t, 2, core.History{Messages: 10}, time.Millisecond, func(t *testing.T, s *sharedScene) {
		bob := s.rover("bob", "red")
		bob.to(s.nodes[1])
		s.say(s.nodes[0], "red", "one", "two")
		require.Equal(t, []string{"one", "two"}, bob.take())
		s.ways[1].Cut()
		s.nodes[0].srv.Group("red").Forget()
		s.pass(100 * time.Millisecond)
		s.ways[1].Mend()
		s.pass(time.Second)
		cid := s.rover("cid", "red")
		cid.to(s.nodes[1])
		require.Empty(t, cid.take())
		require.Empty(t, s.nodes[1].srv.Group("red").History())
		s.ways[1].Cut()
		s.say(s.nodes[0], "red", "three")
		s.nodes[0].srv.Group("red").Forget()
		s.say(s.nodes[0], "red", "four")
		s.ways[1].Mend()
		s.pass(time.Second)
		require.Equal(t, []string{"missed 1 lost false", "four"}, bob.take())
		require.Len(t, s.nodes[1].srv.Group("red").History(), 1)
	})
}
