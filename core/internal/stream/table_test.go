package stream

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport/transporttest"
)

func TestMain(m *testing.M) { transporttest.Main(m) }

// deaf is an owner whose streams are pulled by hand.
type deaf struct{}

func (deaf) Ready(When) {}

var testLimits = Limits{Window: 16 << 10, MaxItem: 100 << 10, Most: 3, Flight: 1 << 20, Frame: 1 << 20}

func newTable(server bool) *Table {
	t := new(Table)
	t.Init(testLimits, server, budget.New(1<<30), deaf{})
	return t
}

var errTest = errors.New("test")

// flush moves everything that waits at either table to the other.
func flush(t *testing.T, a, b *Table) {
	for moved := true; moved; {
		moved = move(t, a, b)
		moved = move(t, b, a) || moved
	}
}

// move moves the pieces of one Pull to the other table, and reports whether there were any.
func move(t *testing.T, from, to *Table) bool {
	p := from.Pull(1<<20, time.Now())
	for i, b := range p.Pieces {
		require.Equal(t, p.Counts[i], giveAll(t, to, b))
	}
	if p.Probe != 0 {
		from.Answered(p.Probe, time.Now())
	}
	return len(p.Pieces) > 0 || p.Probe != 0
}

// giveAll gives frames to a table, and returns their number.
func giveAll(t *testing.T, to *Table, b []byte) (frames int32) {
	for len(b) > 0 {
		f, size, ok, err := wire.Next(b, 1<<20)
		require.NoError(t, err)
		require.True(t, ok)
		b = b[size:]
		frames++
		if !isItem(f.Kind) {
			give(t, to, f, Fine)
			continue
		}
		got, err := to.GotItems(f, b, 1<<20)
		require.NoError(t, err)
		require.Equal(t, Fine, got.Verdict)
		b = b[got.Size:]
		frames += int32(got.Frames)
	}
	return frames
}

// give gives a frame to a table, which must return the verdict want.
func give(t *testing.T, to *Table, f wire.Frame, want Verdict) (s *Stream) {
	var v Verdict
	switch f.Kind {
	case wire.KindStream:
		o, err := wire.ParseStream(f.Body)
		require.NoError(t, err)
		s, v = to.Accept(&o)
	case wire.KindStreamItem, wire.KindStreamPart:
		got, err := to.GotItems(f, nil, 1<<20)
		require.NoError(t, err)
		v = got.Verdict
	case wire.KindStreamCredit:
		id, n, err := wire.ParseStreamCredit(f.Body)
		require.NoError(t, err)
		v = to.GotCredit(id, n)
	case wire.KindStreamEnd:
		id, bye, err := wire.ParseStreamEnd(f.Body)
		require.NoError(t, err)
		var why error
		if bye.Code != wire.CodeNone {
			why = bye.Code
		}
		_, _, v = to.GotEnd(id, why)
	}
	require.Equal(t, want, v, f.Kind)
	return s
}

// opened returns both ends of a stream that the client has opened.
func opened(t *testing.T, client, server *Table, n uint64) (here, there *Stream) {
	here, err := client.Open(client.ID(n), false)
	require.NoError(t, err)
	here.Begin(false)
	there, v := server.Accept(&wire.OpenStream{ID: here.ID(), Window: uint64(testLimits.Window)})
	require.Equal(t, Fine, v)
	there.Begin(false)
	return here, there
}

func TestItemsGoThrough(t *testing.T) {
	client, server := newTable(false), newTable(true)
	here, there := opened(t, client, server, 1)
	long := make([]byte, 60<<10) // longer than the window
	for i := range long {
		long[i] = byte(i)
	}
	it := Item{Rest: long}
	var got []byte
	for range 100 {
		st, err := here.TrySend(&it)
		require.NoError(t, err)
		flush(t, client, server)
		item, in, err := there.TryNext()
		require.NoError(t, err)
		if in == Done {
			got = append(got, item...)
		}
		flush(t, client, server)
		if st == Done {
			break
		}
	}
	if got == nil {
		item, st, err := there.TryNext()
		require.NoError(t, err)
		require.Equal(t, Done, st)
		got = item
	}
	require.Equal(t, long, got)
	require.Equal(t, uint64(1), here.Progress().Sent)
	require.Equal(t, Progress{Taken: 1}, there.Progress())

	here.Finish(wire.Goodbye{}, nil)
	there.Finish(wire.Goodbye{}, nil)
	flush(t, client, server)
	_, st, err := there.TryNext()
	require.NoError(t, err)
	require.Equal(t, Ended, st)
	_, st, err = here.TryNext()
	require.NoError(t, err)
	require.Equal(t, Ended, st)
	there.Leave()
	for _, tab := range []*Table{client, server} {
		require.Zero(t, tab.Len())
		require.Zero(t, tab.Held())
	}
}

// Items that nobody takes cost the window and no more: their sender waits.
func TestWindow(t *testing.T) {
	client, server := newTable(false), newTable(true)
	here, there := opened(t, client, server, 1)
	flush(t, client, server)
	n := 0
	for here.SendNow(nil) { // empty items cost, too
		n++
		flush(t, client, server)
	}
	require.Equal(t, testLimits.Window/wire.StreamItemCost, n)
	require.Less(t, server.Held(), testLimits.Window+streamCost)
	require.GreaterOrEqual(t, server.Held(), n*recordSize, "they take memory all the same")
	for range n {
		_, st, err := there.TryNext()
		require.NoError(t, err)
		require.Equal(t, Done, st)
	}
	flush(t, client, server)
	require.True(t, here.SendNow(nil))
}

// A sender with little credit does not send crumbs.
func TestCreditInCrumbs(t *testing.T) {
	client := newTable(false)
	s, err := client.Open(client.ID(1), false)
	require.NoError(t, err)
	s.may = 0
	it := Item{Rest: make([]byte, 10<<10)}
	frames := 0
	for range 12 << 10 {
		if len(it.Rest) == 0 {
			break
		}
		require.Equal(t, Fine, client.GotCredit(s.ID(), 1))
		_, err := s.TrySend(&it)
		require.NoError(t, err)
		p := client.Pull(1<<20, time.Now())
		for _, n := range p.Counts {
			frames += int(n)
		}
		client.Answered(p.Probe, time.Now())
	}
	require.Empty(t, it.Rest)
	require.LessOrEqual(t, frames, 25)
}

// A frame that a peer must not send is a fault, and a frame that may be late is skipped.
func TestWrongFrames(t *testing.T) {
	item := func(id uint64, n int) wire.Frame {
		return wire.Frame{Kind: wire.KindStreamItem, Body: append([]byte{byte(id)}, make([]byte, n)...)}
	}
	end := func(id uint64, c wire.Code) wire.Frame {
		f, _, _, _ := wire.Next(wire.AppendStreamEnd(nil, id, wire.Goodbye{Code: c}), 0)
		return f
	}
	credit := func(id, n uint64) wire.Frame {
		f, _, _, _ := wire.Next(wire.AppendStreamCredit(nil, id, n), 0)
		return f
	}
	open := func(id uint64) wire.Frame {
		f, _, _, _ := wire.Next(wire.AppendStream(nil, &wire.OpenStream{ID: id, Window: 100}), 0)
		return f
	}
	for name, tc := range map[string]struct {
		frames []wire.Frame
		want   Verdict // verdict of the last frame; the frames before are fine
	}{
		"id in use":              {[]wire.Frame{open(3), open(3)}, Fault},
		"id used before":         {[]wire.Frame{open(3), end(3, 5), open(3)}, Fault},
		"id lower than before":   {[]wire.Frame{open(5), open(3)}, Fault},
		"id of the other side":   {[]wire.Frame{open(4)}, Fault},
		"one too many":           {[]wire.Frame{open(1), open(3), open(5), open(7)}, TooMany},
		"without credit":         {[]wire.Frame{open(1), item(1, 16<<10)}, Fault},
		"credit used up":         {[]wire.Frame{open(1), item(1, 16<<10-64), item(1, 0), item(1, 0)}, Fault},
		"item after the end":     {[]wire.Frame{open(1), end(1, 0), item(1, 0)}, Fault},
		"end twice":              {[]wire.Frame{open(1), end(1, 0), end(1, 0)}, Fault},
		"end in an item":         {[]wire.Frame{open(1), {Kind: wire.KindStreamPart, Body: []byte{1, 1}}, end(1, 0)}, Fault},
		"end with a code, twice": {[]wire.Frame{open(1), end(1, 5), end(1, 5)}, Fine},
		"credit overflows":       {[]wire.Frame{open(1), credit(1, wire.MaxStreamCredit)}, Fault},
		"credit, all there is":   {[]wire.Frame{open(1), credit(1, wire.MaxStreamCredit-100)}, Fine},
		"item of nothing known":  {[]wire.Frame{item(9, 5)}, Fine},
		"item of one that ended": {[]wire.Frame{open(1), end(1, 5), item(1, 60<<10)}, Fine},
		"end of nothing known":   {[]wire.Frame{end(9, 0)}, Fine},
		"credit for nothing":     {[]wire.Frame{credit(2, 5)}, Fine},
	} {
		t.Run(name, func(t *testing.T) {
			server := newTable(true)
			for i, f := range tc.frames {
				want := Fine
				if i == len(tc.frames)-1 {
					want = tc.want
				}
				give(t, server, f, want)
			}
		})
	}
}

// The memory that a stream keeps for later items counts until the stream is over.
func TestKeptMemoryCounts(t *testing.T) {
	client, server := newTable(false), newTable(true)
	here, there := opened(t, client, server, 1)
	flush(t, client, server)
	for n := 3; n > 0; n-- { // the rest of the window, except the last time
		for here.SendNow(make([]byte, min(n, 2)*50)) {
			flush(t, client, server)
		}
		for st := Done; st == Done; {
			var err error
			_, st, err = there.TryNext()
			require.NoError(t, err)
			require.Equal(t, weightOf(there)+streamCost, server.Held())
		}
		flush(t, client, server)
	}
	require.Greater(t, server.Held(), testLimits.Window/2)
	there.Abort(wire.Goodbye{Code: wire.CodeCanceled}, errTest)
	require.Zero(t, server.Held())
	_, st, _ := there.TryNext()
	require.Equal(t, Ended, st)
	require.Nil(t, there.batch)
	require.Nil(t, there.in)
}

// weightOf returns the memory of received items in segments.
func weightOf(s *Stream) int {
	n := s.batch.weight()
	for _, k := range append(s.in, s.spare...) {
		n += k.weight()
	}
	return n
}

func TestItemTooBig(t *testing.T) {
	client, server := newTable(false), newTable(true)
	_, there := opened(t, client, server, 1)
	part := make([]byte, 8<<10)
	_, st, err := there.TryNext() // the receiver waits, so parts are granted
	require.NoError(t, err)
	require.Equal(t, Wait, st)
	v := Fine
	n := 0
	for ; v == Fine; n += len(part) {
		f, _, _, _ := wire.Next(wire.AppendStreamPart(nil, there.ID(), part), 1<<20)
		got, err := server.GotItems(f, nil, 1<<20)
		require.NoError(t, err)
		v = got.Verdict
		server.Pull(1<<20, time.Now())
	}
	require.Equal(t, TooBig, v)
	require.Equal(t, testLimits.MaxItem/len(part)*len(part)+len(part), n)
	require.Less(t, server.Held(), testLimits.MaxItem+testLimits.Window+streamCost)
	there.Abort(wire.Goodbye{Code: wire.CodeTooBig}, errTest)
	_, st, err = there.TryNext()
	require.Equal(t, Ended, st)
	require.ErrorIs(t, err, errTest)
	require.Zero(t, server.Held())
}

// A peer answers only one of the pings that have come together. Another probe is written if that is not the probe.
func TestProbeThatIsNotAnswered(t *testing.T) {
	client := newTable(false)
	s, err := client.Open(client.ID(1), false)
	require.NoError(t, err)
	s.may = 1 << 20
	pull := func() (n int, probe uint64) {
		for more := true; more; {
			p := client.Pull(1<<20, time.Now())
			for _, b := range p.Pieces {
				n += len(b)
			}
			if p.Probe != 0 {
				probe = p.Probe
			}
			more = p.Next > 0
		}
		return n, probe
	}
	it := Item{Rest: make([]byte, 60<<10)}
	st, err := s.TrySend(&it)
	require.NoError(t, err)
	require.Equal(t, Done, st)
	n, first := pull()
	require.Positive(t, n)
	require.NotZero(t, first)
	n, probe := pull()
	require.Zero(t, n, "as much is under way as may be")
	require.Zero(t, probe)

	client.Superseded()
	n, probe = pull()
	require.Zero(t, n)
	require.NotZero(t, probe)
	client.Answered(first, time.Now())
	n, _ = pull()
	require.Zero(t, n, "the answer says nothing any more")
	client.Answered(probe, time.Now())
	n, _ = pull()
	require.Positive(t, n)
}

// Streams share the room of Pull evenly.
func TestStreamsTakeTurns(t *testing.T) {
	client := newTable(false)
	sent := map[uint64]int{}
	var all []*Stream
	for n := range uint64(3) {
		s, err := client.Open(client.ID(n+1), false)
		require.NoError(t, err)
		s.may = 1 << 20
		all = append(all, s)
	}
	for range 400 {
		for _, s := range all {
			it := Item{Rest: make([]byte, 1000)}
			s.TrySend(&it) //nolint:errcheck // it may wait
			it.Rest = nil
			s.mid = nil
		}
		p := client.Pull(1<<20, time.Now())
		for _, b := range p.Pieces {
			for len(b) > 0 {
				f, size, _, _ := wire.Next(b, 0)
				id, payload, _ := wire.ParseStreamItem(f.Body)
				sent[id] += len(payload)
				b = b[size:]
			}
		}
		client.Answered(p.Probe, time.Now())
	}
	for _, s := range all {
		require.InDelta(t, sent[all[0].ID()], sent[s.ID()], float64(sent[s.ID()])/10)
	}
}

// Each way to end a stream is known at both ends, gives all memory back, and wakes goroutines that
// wait.
func TestEnds(t *testing.T) {
	code := wire.Goodbye{Code: wire.CodeCanceled}
	for name, tc := range map[string]struct {
		end   func(here, there *Stream, client, server *Table)
		here  error // what the opener is told when it takes
		there error
	}{
		"opener gives up":    {func(here, _ *Stream, _, _ *Table) { here.Abort(code, errTest) }, errTest, wire.CodeCanceled},
		"handler fails":      {func(_, there *Stream, _, _ *Table) { there.Finish(code, errTest) }, wire.CodeCanceled, errTest},
		"handler returns":    {func(_, there *Stream, _, _ *Table) { there.Finish(wire.Goodbye{}, nil); there.Stop(code, errTest) }, nil, errTest},
		"connection is over": {func(_, _ *Stream, client, server *Table) { client.End(errTest); server.End(errTest) }, errTest, errTest},
		"both have sent all": {func(here, there *Stream, _, _ *Table) {
			here.Finish(wire.Goodbye{}, nil)
			there.Finish(wire.Goodbye{}, nil)
		}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			client, server := newTable(false), newTable(true)
			here, there := opened(t, client, server, 1)
			require.True(t, here.SendNow([]byte("one")))
			require.True(t, there.SendNow([]byte("two")))
			flush(t, client, server)
			_, st, _ := here.TryNext()
			require.Equal(t, Done, st)
			_, st, _ = here.TryNext()
			require.Equal(t, Wait, st)
			tc.end(here, there, client, server)
			flush(t, client, server)
			<-here.Readable()
			_, st, err := here.TryNext()
			require.Equal(t, Ended, st)
			require.Equal(t, tc.here, err)
			for st = Done; st == Done; {
				_, st, err = there.TryNext()
			}
			require.Equal(t, Ended, st)
			require.Equal(t, tc.there, err)
			<-there.Drained()
			<-here.Drained()
			here.Abort(code, errTest)
			there.Leave()
			require.True(t, here.Ended())
			require.True(t, there.Ended())
			for _, tab := range []*Table{client, server} {
				require.Zero(t, tab.Len())
				require.Zero(t, tab.Held())
			}
			it := Item{Rest: []byte("late")}
			st, _ = here.TrySend(&it)
			require.Equal(t, Ended, st)
			require.False(t, there.SendNow(nil))
		})
	}
}

// The place of a stream is free once its handler has returned and the peer has been told of the
// end.
func TestPlaces(t *testing.T) {
	server := newTable(true)
	var all []*Stream
	for n := range uint64(testLimits.Most) {
		s, v := server.Accept(&wire.OpenStream{ID: n<<1 | 1})
		require.Equal(t, Fine, v)
		s.Abort(wire.Goodbye{Code: wire.CodeCanceled}, errTest)
		all = append(all, s)
	}
	_, v := server.Accept(&wire.OpenStream{ID: 101})
	require.Equal(t, TooMany, v)
	select {
	case <-all[0].Drained():
		require.Fail(t, "the peer has not been told")
	default:
	}
	server.Pull(0, time.Now())
	for _, s := range all {
		<-s.Drained()
		s.Leave()
		s.Leave()
	}
	require.Zero(t, server.Places())
	_, v = server.Accept(&wire.OpenStream{ID: 103})
	require.Equal(t, Fine, v)
}
