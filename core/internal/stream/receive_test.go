package stream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/core/wire"
)

// told is an owner that remembers what it was told.
type told struct{ all []When }

func (o *told) Ready(w When) { o.all = append(o.all, w) }

// taker returns a stream of the peer with 16 KiB of credit, and its owner.
func taker(t *testing.T) (*Stream, *told) {
	server, owner := new(Table), new(told)
	server.Init(testLimits, true, budget.New(1<<30), owner)
	s, v := server.Accept(&wire.OpenStream{ID: 1})
	require.Equal(t, Fine, v)
	s.Begin(false)
	server.Pull(1<<20, time.Now())
	owner.all = nil
	return s, owner
}

// Items and parts that have come together are taken at once, up to what is no item or has not come whole.
func TestGotItems(t *testing.T) {
	items := func(n int) (f wire.Frame, rest []byte) {
		var b []byte
		for i := range n {
			b = wire.AppendStreamItem(b, 1, []byte{byte(i)})
		}
		f, size, _, _ := wire.Next(b, 1<<20)
		return f, b[size:]
	}
	for name, tc := range map[string]struct {
		items   int
		behind  []byte
		frames  int
		verdict Verdict
	}{
		"one":                  {items: 1},
		"three":                {items: 3, frames: 2},
		"something else":       {items: 2, behind: wire.AppendPing(nil, 1), frames: 1},
		"another stream":       {items: 2, behind: wire.AppendStreamItem(nil, 7, nil), frames: 2},
		"one in part":          {items: 2, behind: wire.AppendStreamItem(nil, 1, make([]byte, 100))[:50], frames: 1},
		"a malformed one":      {items: 2, behind: []byte{1, byte(wire.KindStreamItem)}, frames: 1},
		"more than are taken":  {items: maxRun + 9, frames: maxRun - 1},
		"one without credit":   {items: 2, behind: wire.AppendStreamItem(nil, 1, make([]byte, testLimits.Window)), frames: 2, verdict: Fault},
		"a part without bytes": {items: 2, behind: wire.AppendStreamPart(nil, 1, nil), frames: 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := taker(t)
			if tc.items > maxRun {
				s.credit = 1 << 20
			}
			f, rest := items(tc.items)
			size := len(rest)
			if tc.frames < tc.items-1 {
				size = tc.frames * (size / (tc.items - 1))
			}
			if tc.frames >= tc.items {
				size += len(tc.behind)
			}
			got, err := s.t.GotItems(f, append(rest, tc.behind...), 1<<20)
			require.NoError(t, err)
			require.Equal(t, tc.frames, got.Frames)
			require.Equal(t, size, got.Size)
			require.Equal(t, tc.verdict, got.Verdict)
			for i := range min(tc.items, maxRun) {
				item, st, err := s.TryNext()
				require.NoError(t, err)
				require.Equal(t, Done, st)
				require.Equal(t, []byte{byte(i)}, item)
			}
		})
	}
}

// Who waits for items is woken once for all that have come together.
func TestTakerIsWokenOnce(t *testing.T) {
	s, _ := taker(t)
	_, st, _ := s.TryNext()
	require.Equal(t, Wait, st)
	var b []byte
	for range 100 {
		b = wire.AppendStreamItem(b, 1, []byte("item"))
	}
	f, size, _, _ := wire.Next(b, 1<<20)
	_, err := s.t.GotItems(f, b[size:], 1<<20)
	require.NoError(t, err)
	<-s.Readable()
	for range 100 {
		_, st, _ = s.TryNext()
		require.Equal(t, Done, st)
	}
	require.Empty(t, s.Readable())
}

// An eighth of the window goes along with other frames. Five eighths are granted at once.
func TestCreditGoesAlong(t *testing.T) {
	s, owner := taker(t)
	eighth := testLimits.Window / 8
	take := func(n int) {
		f, _, _, _ := wire.Next(wire.AppendStreamItem(nil, 1, make([]byte, n-wire.StreamItemCost)), 1<<20)
		got, err := s.t.GotItems(f, nil, 1<<20)
		require.NoError(t, err)
		require.Equal(t, Fine, got.Verdict)
		told := len(owner.all)
		_, st, _ := s.TryNext()
		require.Equal(t, Done, st)
		require.Len(t, owner.all, told, "the item is in use")
		_, st, _ = s.TryNext()
		require.Equal(t, Wait, st)
	}
	take(eighth - 1)
	require.Empty(t, owner.all)
	take(100)
	require.Equal(t, []When{Along}, owner.all)
	take(4*eighth - 100)
	require.Equal(t, []When{Along}, owner.all)
	take(eighth)
	require.Equal(t, []When{Along, Now}, owner.all)
	take(eighth)
	require.Equal(t, []When{Along, Now}, owner.all, "it is told once")
	p := s.t.Pull(1<<20, time.Now())
	require.Len(t, p.Pieces, 1)
	f, _, _, _ := wire.Next(p.Pieces[0], 1<<20)
	_, n, err := wire.ParseStreamCredit(f.Body)
	require.NoError(t, err)
	require.Equal(t, uint64(7*eighth-1), n)
}

// No frame is longer than the peer reads.
func TestPieceFitsTheFrame(t *testing.T) {
	limits := testLimits
	limits.Frame = 600
	client := new(Table)
	client.Init(limits, false, budget.New(1<<30), deaf{})
	s, err := client.Open(1<<60|1, false)
	require.NoError(t, err)
	s.may = 1 << 20
	it := Item{Rest: make([]byte, 20<<10)}
	st, err := s.TrySend(&it)
	require.NoError(t, err)
	require.Equal(t, Done, st)
	n := 0
	for s.waiting > 0 {
		p := client.Pull(1<<20, time.Now())
		for _, b := range p.Pieces {
			for len(b) > 0 {
				_, size, ok, err := wire.Next(b, limits.Frame)
				require.NoError(t, err)
				require.True(t, ok)
				b = b[size:]
				n++
			}
		}
		client.Answered(p.Probe, time.Now())
	}
	require.Less(t, n, 40)
}
