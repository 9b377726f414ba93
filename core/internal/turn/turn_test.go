//go:build !js

package turn

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// A stream is read by one goroutine after the other, like a connection. The payload of a frame is
// its number.
type stream struct {
	*testing.T
	turn  Turn
	wg    sync.WaitGroup
	ended chan struct{} // closed when all was read

	// Owned by the goroutine that reads.
	read int // number of frames

	// Owned by the goroutine that runs handlers.
	handled int
}

const frames = 2000

func newStream(t *testing.T, limit int) *stream {
	s := &stream{T: t, ended: make(chan struct{})}
	s.turn.Init(limit, nil, false)
	s.wg.Go(func() { s.reader(0) })
	return s
}

// reader reads frames. It handles them alone or back to back until the reading is taken over.
func (s *stream) reader(seed uint64) {
	random := rand.New(rand.NewPCG(seed, 2))
	for s.read < frames {
		if random.IntN(50) == 0 && !s.bar() {
			return
		}
		f := frame(wire.KindCommand, 0, fmt.Sprint(s.read))
		switch s.turn.Push(f) {
		case Stored:
			s.read++
			continue
		case Full:
			if ticket, full := s.turn.IsFull(len(f.Body)); full {
				s.turn.AwaitRoom(len(f.Body), ticket)
			}
			continue
		case Yours:
		default:
			s.Error("dropped")
			return
		}
		s.read++
		at := s.read
		tok := s.turn.Begin(Handling)
		s.handle(f)
		for at < frames && random.IntN(8) > 0 {
			at++
			var mine bool
			if tok, mine = s.turn.Next(tok, at, uint64(at)); !mine {
				// The next reader has the frame at this position.
				s.leave()
				return
			}
			s.handle(frame(wire.KindCommand, 0, fmt.Sprint(at-1)))
		}
		if !s.turn.End(tok) {
			s.leave()
			return
		}
		s.read = at
		if random.IntN(4) == 0 && !s.turn.End(s.turn.Begin(Flushing)) {
			s.leave()
			return
		}
	}
	close(s.ended)
}

// bar puts a barrier before all later frames. It reports false if no more frames are read.
func (s *stream) bar() bool {
	until := make(chan struct{})
	put := s.turn.Bar(until)
	s.wg.Go(func() { runtime.Gosched(); close(until) })
	switch put {
	case Yours:
		s.wg.Go(s.pop)
	case Stored:
	default:
		s.Error("no barrier")
	}
	return put != Dropped
}

func (s *stream) handle(f wire.Frame) {
	_, payload, err := wire.ParseCommand(f.Body)
	if err != nil || string(payload) != fmt.Sprint(s.handled) {
		s.Errorf("%q, %v: frame %d", payload, err, s.handled)
	}
	if s.handled++; s.handled%16 == 0 {
		runtime.Gosched()
	}
}

func (s *stream) leave() {
	s.turn.AwaitCopy()
	s.pop()
}

func (s *stream) pop() {
	for {
		j, ok := s.turn.Pop()
		switch {
		case !ok:
			return
		case j.Barrier != nil:
			<-j.Barrier
		default:
			s.handle(wire.Frame{Kind: j.Kind, Body: j.Body})
		}
	}
}

// take takes the reading over again and again.
func (s *stream) take() {
	for seed := uint64(1); ; {
		select {
		case <-s.ended:
			return
		default:
		}
		tok := s.turn.Now()
		if !s.turn.TakeOver(tok) {
			runtime.Gosched()
			continue
		}
		if read, received, ok := s.turn.Position(tok); ok {
			if uint64(read) != received {
				s.Errorf("%d and %d", read, received)
			}
			s.read = read
		}
		seed++
		at := s.read
		s.turn.Copied()
		s.wg.Go(func() {
			if s.read != at {
				s.Error("two read")
			}
			s.reader(seed)
		})
	}
}

// One goroutine reads at a time, and one runs handlers, in order, whoever takes the reading over
// and when.
func TestOneReads(t *testing.T) {
	for _, limit := range []int{1, 1 << 10, 1 << 20} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			s := newStream(t, limit)
			s.wg.Go(s.take)
			s.wg.Go(s.take)
			s.wg.Wait()
			require.Equal(t, frames, s.handled)
			require.True(t, s.turn.Quiet())
			require.Equal(t, Reading, s.turn.Now().State())
			require.Zero(t, s.turn.Bytes())
		})
	}
}

// The reading can be taken over from a handler and from a write, once, and not in a later turn.
func TestTakeOver(t *testing.T) {
	var turn Turn
	turn.Init(1<<10, nil, false)
	require.False(t, turn.TakeOver(turn.Now()), "it reads")
	for _, state := range []Token{Handling, Flushing} {
		old := turn.Begin(state)
		require.True(t, turn.End(old))
		require.False(t, turn.TakeOver(old), "that turn is over")
		tok := turn.Begin(state)
		require.NotEqual(t, old, tok)
		require.False(t, turn.TakeOver(old))
		require.Equal(t, state != Handling, turn.Quiet())
		require.True(t, turn.TakeOver(tok))
		require.Equal(t, state != Handling, turn.Quiet())
		require.False(t, turn.TakeOver(tok))
		require.False(t, turn.TakeOver(turn.Now()), "it is handed over")
		turn.Copied()
		require.False(t, turn.End(tok))
		require.Equal(t, Stored, turn.Push(frame(wire.KindCommand, 0, "")))
		require.False(t, turn.Quiet())
		_, ok := turn.Pop()
		require.True(t, ok)
		require.False(t, turn.Quiet(), "the handler of that")
		_, ok = turn.Pop()
		require.False(t, ok)
		require.True(t, turn.Quiet())
		require.Equal(t, Yours, turn.Push(frame(wire.KindCommand, 0, "")))
	}
}

// A goroutine that has lost the reading keeps its buffers until they have been copied.
func TestAwaitCopy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turn Turn
		turn.Init(1<<10, nil, false)
		turn.AwaitCopy()
		tok := turn.Begin(Handling)
		require.True(t, turn.TakeOver(tok))
		gone := false
		go func() { turn.AwaitCopy(); gone = true }()
		synctest.Wait()
		require.False(t, gone)
		turn.Copied()
		synctest.Wait()
		require.True(t, gone)
	})
}

// A position and a call belong to the turn that was taken over, and to no other.
func TestPosition(t *testing.T) {
	var turn Turn
	turn.Init(1<<10, nil, false)
	took := func(tok Token) (read int, received, call uint64) {
		require.True(t, turn.TakeOver(tok))
		read, received, ok := turn.Position(tok)
		if !ok {
			read, received = -1, 0
		}
		call, ctx, ok := turn.Call(tok)
		if !ok {
			call = 0
		} else {
			require.Equal(t, t.Context(), ctx)
		}
		turn.Copied()
		_, ok = turn.Pop()
		require.False(t, ok)
		return read, received, call
	}
	next := func(tok Token, mine bool) Token { require.True(t, mine); return tok }
	read, _, call := took(turn.Begin(Handling))
	require.Equal(t, -1, read)
	require.Zero(t, call)

	tok := next(turn.Next(turn.Begin(Handling), 10, 1))
	tok = next(turn.Next(tok, 20, 2))
	read, received, call := took(tok)
	require.Equal(t, []uint64{20, 2, 0}, []uint64{uint64(read), received, call})

	tok = next(turn.NextCall(turn.Begin(Handling), 30, 3, 7, t.Context()))
	read, received, call = took(tok)
	require.Equal(t, []uint64{30, 3, 7}, []uint64{uint64(read), received, call})

	tok = next(turn.NextCall(turn.Begin(Handling), 40, 4, 8, t.Context()))
	tok = next(turn.Next(tok, 50, 5)) // the call of the turn before is answered
	read, received, call = took(tok)
	require.Equal(t, []uint64{50, 5, 0}, []uint64{uint64(read), received, call})

	tok = next(turn.NextCall(turn.Begin(Handling), 60, 6, 9, t.Context()))
	require.True(t, turn.EndCalls(tok))
	require.Nil(t, turn.places[0].ctx)
	require.Nil(t, turn.places[1].ctx)
	read, _, call = took(turn.Begin(Handling))
	require.Equal(t, -1, read)
	require.Zero(t, call)

	tok = turn.Begin(Handling)
	require.True(t, turn.TakeOver(tok))
	_, mine := turn.NextCall(tok, 70, 7, 10, t.Context()) // the reader does not know yet that it was taken over
	require.False(t, mine)
	turn.Copied()
	_, mine = turn.Pop()
	require.False(t, mine)
	read, _, call = took(turn.Begin(Handling))
	require.Equal(t, -1, read, "the place of a turn that there never was")
	require.Zero(t, call)
}

// With manual dispatch the reader never runs handlers. Frames that come before Free are counted by
// it.
func TestManual(t *testing.T) {
	var turn Turn
	turn.Init(1<<10, nil, true)
	require.True(t, turn.Handed())
	require.True(t, turn.Quiet())
	turn.Add(frame(wire.KindCommand, 0, "a"))
	require.Equal(t, Held, turn.Push(frame(wire.KindCommand, 0, "b")))
	require.Equal(t, Held, turn.Bar(nil))
	require.Equal(t, 3, turn.Free())
	require.Equal(t, Stored, turn.Push(frame(wire.KindCommand, 0, "c")))
	require.Equal(t, Stored, turn.Bar(make(chan struct{})))
	for range 5 {
		_, ok := turn.Pop()
		require.True(t, ok)
	}
	_, ok := turn.Pop()
	require.False(t, ok)
	require.True(t, turn.Handed())
	require.Equal(t, Stored, turn.Push(frame(wire.KindCommand, 0, "d")))
}

// The end of a connection wakes goroutines that wait for room. Waiting jobs are run or dropped.
func TestClose(t *testing.T) {
	for name, drop := range map[string]bool{"run": false, "dropped": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				turn := handed(1)
				require.Equal(t, Stored, turn.Push(frame(wire.KindCommand, 0, "first")))
				require.Equal(t, Full, turn.Push(frame(wire.KindCommand, 0, "second")))
				waits := true
				ticket, full := turn.IsFull(1)
				require.True(t, full)
				turn.Wake()
				turn.AwaitRoom(1, ticket) // returns at once
				ticket, _ = turn.IsFull(1)
				go func() { turn.AwaitRoom(1, ticket); waits = false }()
				synctest.Wait()
				require.True(t, waits)
				turn.Close(drop)
				synctest.Wait()
				require.False(t, waits)
				require.Equal(t, drop, turn.Drops())
				want := map[bool]Put{false: Stored, true: Dropped}[drop]
				require.Equal(t, want, turn.Push(frame(wire.KindCommand, 0, "second")))
				require.Equal(t, want, turn.Bar(nil))
				_, ok := turn.Pop()
				require.Equal(t, !drop, ok)
			})
		})
	}
}

// Park returns the waiting frames, except canceled calls and barriers. No job runs after that.
func TestPark(t *testing.T) {
	turn := handed(1 << 20)
	turn.Push(frame(wire.KindRequest, 1, "popped"))
	_, ok := turn.Pop()
	require.True(t, ok)
	turn.Push(frame(wire.KindRequest, 2, "given up"))
	turn.Push(frame(wire.KindRaw, 0, "received"))
	turn.Bar(make(chan struct{}))
	turn.Push(frame(wire.KindRequest, 3, "kept"))
	turn.Cancel(2)
	turn.KeepRaw([]byte("not received"))
	_, ok = turn.takeRawLocked()
	require.True(t, ok)
	frames, last := turn.Park([]byte("x"))
	require.Equal(t, wire.AppendRequest(wire.AppendRaw([]byte("x"), []byte("not received")), 3, "x", []byte("kept")), frames)
	require.Equal(t, uint64(1), last)
	_, ok = turn.Pop()
	require.False(t, ok)
}

// A turn lasts until it ends or the next begins, or until the goroutine from which the reading was taken has nothing
// more to do. No later turn, and no barrier, is taken for it.
func TestHowLongATurnLasts(t *testing.T) {
	begin := func() (*Turn, Token) {
		turn := new(Turn)
		turn.Init(1<<20, nil, false)
		tok, mine := turn.NextCall(turn.Begin(Handling), 0, 0, 1, nil)
		require.True(t, mine)
		require.True(t, turn.Lasts(tok))
		require.False(t, turn.Lasts(tok.Next()))
		return turn, tok
	}
	ends := map[string]func(turn *Turn, tok Token){
		"it ends": func(turn *Turn, tok Token) { require.True(t, turn.End(tok)) },
		"the next begins": func(turn *Turn, tok Token) {
			next, mine := turn.Next(tok, 0, 0)
			require.True(t, mine)
			require.Equal(t, tok.Next(), next)
		},
		"the next is taken over": func(turn *Turn, tok Token) {
			next, _ := turn.Next(tok, 0, 0)
			require.True(t, turn.TakeOver(next))
			require.True(t, turn.Lasts(next))
			turn.Copied()
		},
		"a barrier comes after its end": func(turn *Turn, tok Token) {
			require.True(t, turn.End(tok))
			require.Equal(t, Yours, turn.Bar(nil))
		},
		"a flush that is taken over": func(turn *Turn, tok Token) {
			require.True(t, turn.End(tok))
			require.True(t, turn.TakeOver(turn.Begin(Flushing)))
			turn.Copied()
		},
		"it is taken over, and its goroutine has nothing more to do": func(turn *Turn, tok Token) {
			require.True(t, turn.TakeOver(tok))
			turn.Copied()
			require.True(t, turn.Lasts(tok))
			_, more := turn.Pop()
			require.False(t, more)
		},
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			turn, tok := begin()
			end(turn, tok)
			require.False(t, turn.Lasts(tok))
		})
	}
}
