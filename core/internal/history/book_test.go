package history

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// all begins and ends a replay of group "g" in which every message comes. It returns the numbers of
// the replayed messages that the client has not had.
func (b *Book) all(r wire.Replay) (told Replay, came []uint64) {
	r.Group = "g"
	told = b.Begin(&r, true)
	for n := r.Last - r.Count + 1; n <= r.Last; n++ {
		if replayed, twice := b.Got([]byte("g"), n, false); replayed && !twice {
			came = append(came, n)
		}
	}
	b.End("g")
	return told, came
}

func TestBook(t *testing.T) {
	var b Book
	require.Equal(t, wire.Position{Group: "g"}, b.Position("g"))
	b.Connected()
	_, ok := b.End("g")
	require.False(t, ok)
	replayed, twice := b.Got([]byte("g"), 5, false)
	require.False(t, replayed || twice)
	require.Zero(t, b.Position("g").Epoch, "of which the server has said nothing")

	told, came := b.all(wire.Replay{Epoch: 7, Last: 10, Count: 3})
	require.Equal(t, Replay{Group: "g", Messages: 3}, told, "a newcomer has missed nothing")
	require.Equal(t, []uint64{8, 9, 10}, came)
	replayed, twice = b.Got([]byte("g"), 11, false)
	require.False(t, replayed || twice)
	replayed, _ = b.Got([]byte("g"), 10, false)
	require.False(t, replayed, "it had to wait, and the replay is over")
	require.Equal(t, wire.Position{Group: "g", Epoch: 7, Number: 11}, b.Position("g"))

	// After another Connected, numbers mean nothing until the server has begun a replay.
	b.Connected()
	b.Got([]byte("g"), 40, false)
	require.EqualValues(t, 11, b.Position("g").Number)
	told, came = b.all(wire.Replay{Epoch: 7, Last: 13, Count: 2})
	require.Equal(t, Replay{Group: "g", Messages: 2}, told)
	require.Equal(t, []uint64{12, 13}, came)
	told, _ = b.all(wire.Replay{Epoch: 7, Last: 13})
	require.Equal(t, Replay{Group: "g"}, told, "nothing new")
	told, came = b.all(wire.Replay{Epoch: 7, Last: 30, Count: 3})
	require.Equal(t, Replay{Group: "g", Messages: 3, Missed: 14}, told)
	require.Equal(t, []uint64{28, 29, 30}, came)

	// A server that does not know the client's position sends messages that the client has had.
	told, came = b.all(wire.Replay{Epoch: 7, Last: 32, Count: 10})
	require.Equal(t, Replay{Group: "g", Messages: 2}, told)
	require.Equal(t, []uint64{31, 32}, came)
	// With Again the program sends messages again all the same.
	told, came = b.all(wire.Replay{Epoch: 7, Last: 32, Count: 3, Again: true})
	require.Equal(t, Replay{Group: "g", Messages: 3}, told)
	require.Equal(t, []uint64{30, 31, 32}, came)
	require.EqualValues(t, 32, b.Position("g").Number)

	// Another epoch, and a server that has lost some of its messages.
	told, came = b.all(wire.Replay{Epoch: 8, Last: 2, Count: 1})
	require.Equal(t, Replay{Group: "g", Messages: 1, Lost: true}, told)
	require.Equal(t, []uint64{2}, came)
	told, came = b.all(wire.Replay{Epoch: 8, Last: 1, Count: 1})
	require.Equal(t, Replay{Group: "g", Messages: 1, Lost: true}, told)
	require.Equal(t, []uint64{1}, came)
}

// A connection that ends in the middle of a replay leaves the position in the middle.
func TestBookInTheMiddle(t *testing.T) {
	var b Book
	b.Connected()
	b.Begin(&wire.Replay{Group: "g", Epoch: 7, Last: 10, Count: 5}, true)
	require.EqualValues(t, 5, b.Position("g").Number)
	b.Got([]byte("g"), 6, false)
	replayed, twice := b.Got([]byte("g"), 7, true)
	require.True(t, replayed && !twice)
	require.EqualValues(t, 6, b.Position("g").Number, "it was only looked at")
	b.Connected()
	told, came := b.all(wire.Replay{Epoch: 7, Last: 11, Count: 5})
	require.Equal(t, Replay{Group: "g", Messages: 5}, told)
	require.Equal(t, []uint64{7, 8, 9, 10, 11}, came)
}

// A book remembers all groups of its client, and the last MaxLeft groups that the client has left.
func TestBookIsBounded(t *testing.T) {
	var b Book
	b.Connected()
	name := func(i int) string { return fmt.Sprint("group ", i) }
	const in = 1000
	for i := range in {
		b.Begin(&wire.Replay{Group: name(i), Epoch: 1, Last: 1}, true)
	}
	require.Empty(t, b.Left())
	for i := range in {
		b.Begin(&wire.Replay{Group: name(in + i), Epoch: 1, Last: 1}, false)
		b.Leave(name(in + i))
	}
	require.Len(t, b.pages, in+MaxLeft)
	require.Len(t, b.Left(), MaxLeft)
	require.Equal(t, name(2*in-1), b.Left()[0].Group)
	for i := range in {
		b.Leave(name(i))
	}
	require.Len(t, b.pages, MaxLeft)
	require.Equal(t, name(in-1), b.Left()[0].Group)
	require.Zero(t, b.Position(name(0)).Epoch)
	b.Connected()
	require.Len(t, b.Left(), MaxLeft)
	for i := range in {
		b.Begin(&wire.Replay{Group: name(i), Epoch: 1, Last: 1}, true)
	}
	require.Empty(t, b.Left(), "those that it is in again are no more among them")
	require.Len(t, b.pages, in)
}

func TestBookIsKept(t *testing.T) {
	var b Book
	b.Connected()
	b.all(wire.Replay{Epoch: 7, Last: 10, Count: 3})
	b.Begin(&wire.Replay{Group: "middle", Epoch: 1 << 63, Last: 10, Count: 3}, true)
	b.Got([]byte("middle"), 8, false)
	b.Begin(&wire.Replay{Group: "left", Epoch: 9}, false)
	b.Begin(&wire.Replay{Group: "left", Epoch: 10}, false)
	kept := b.Append([]byte("before"))[len("before"):]
	require.Len(t, kept, b.Size())

	var again Book
	require.True(t, again.Restore(kept))
	require.Equal(t, b.Size(), again.Size())
	replayed, _ := again.Got([]byte("middle"), 9, false)
	require.True(t, replayed)
	told, ok := again.End("middle")
	require.True(t, ok)
	require.Equal(t, Replay{Group: "middle", Messages: 3}, told)
	told, ok = again.End("left")
	require.True(t, ok)
	require.Equal(t, Replay{Group: "left", Lost: true}, told)
	require.Equal(t, []wire.Position{{Group: "left", Epoch: 10}}, again.Left())
	require.Equal(t, wire.Position{Group: "g", Epoch: 7, Number: 10}, again.Position("g"))

	for n := range len(kept) {
		var bad Book
		if bad.Restore(kept[:n]) {
			require.Equal(t, n, bad.Size(), "whole pages")
		} else {
			require.Empty(t, bad.pages)
			require.Empty(t, bad.Left())
		}
	}
	require.False(t, new(Book).Restore(append(kept, kept...)), "each page twice")
}

func FuzzBookRestore(f *testing.F) {
	var b Book
	b.Connected()
	b.all(wire.Replay{Epoch: 7, Last: 10, Count: 3})
	b.Begin(&wire.Replay{Group: "left", Epoch: 9, Last: 4}, false)
	f.Add(b.Append(nil))
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, from []byte) {
		var b Book
		if !b.Restore(from) {
			require.Empty(t, b.pages)
			return
		}
		require.LessOrEqual(t, b.Size(), len(from))
		var again Book
		require.True(t, again.Restore(b.Append(nil)))
		require.Equal(t, b.Left(), again.Left())
	})
}

// A client has each message of a group at most once and in order, and knows the number of messages
// that it has missed. Its connections come and go, and the group forgets messages now and then.
func TestBookHasNothingTwice(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var b Book
		var had, last, kept uint64 // numbers: had by the client, sent, and forgotten up to here
		live := false
		for range 200 {
			switch rnd.IntN(4) {
			case 0: // the client joins, over the same connection or a new one
				if rnd.IntN(2) == 0 {
					b.Connected()
				}
				from := max(kept, min(b.Position("g").Number, last))
				if rnd.IntN(3) == 0 {
					from = kept // the server does not know the position
				}
				known := b.Position("g").Epoch != 0
				told, came := b.all(wire.Replay{Epoch: 7, Last: last, Count: last - from})
				require.Len(t, came, told.Messages)
				if known {
					require.Equal(t, last, had+told.Missed+uint64(told.Messages))
				}
				had, live = last, true
			case 1:
				kept = last - min(last-kept, uint64(rnd.IntN(4)))
			case 2:
				b.Leave("g")
				live = false
			default:
				last++
				if live {
					replayed, twice := b.Got([]byte("g"), last, false)
					require.False(t, replayed || twice)
					had = last
				}
			}
		}
	}
}
