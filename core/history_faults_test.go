//go:build !js

package core_test

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

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
