package standstill

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

func TestTable(t *testing.T) {
	var table Table
	for call := range uint64(5) {
		table.Begin(Wait{Call: call})
	}
	table.End(2)
	table.End(2)
	require.Equal(t, 4, table.Len())
	got := map[uint64]bool{}
	for _, w := range table.Waits(func(call uint64) bool { return call != 4 }) {
		got[w.Call] = true
	}
	require.Equal(t, map[uint64]bool{0: true, 1: true, 3: true}, got)
}

// One end claims that it waits, and the other end judges whether a call must fail.
func TestJudge(t *testing.T) {
	a, b := "handler a", "handler b"
	turn := func(call, serves uint64) Wait { return Wait{Call: call, Serves: serves} }
	beside := func(call, serves uint64, by any) Wait { return Wait{call, serves, by} }
	for name, tc := range map[string]struct {
		claims, judges State
		claim          bool
		fails          uint64 // id of the call that fails; 0: none
	}{
		"nothing is kept": {claims: State{Turn: Held, Waits: []Wait{turn(1, 0)}}},
		"the handler does not wait": {
			claims: State{Turn: Held, Kept: []uint64{7}},
		},
		"the call that is kept was made for the one that is waited for": {
			claims: State{Turn: Held, Waits: []Wait{turn(1, 0)}, Kept: []uint64{7}}, claim: true,
			judges: State{Turn: Held, Waits: []Wait{turn(7, 1)}}, fails: 7,
		},
		"by a program": {
			claims: State{Turn: Held, Waits: []Wait{turn(1, 0)}, Kept: []uint64{7}}, claim: true,
			judges: State{Turn: Held},
		},
		"by a handler of something else": {
			claims: State{Turn: Held, Waits: []Wait{turn(1, 0)}, Kept: []uint64{7}, Beside: 1}, claim: true,
			judges: State{Turn: Held, Waits: []Wait{beside(7, 0, a)}, Beside: 2},
		},
		"both keep a call of the other": {
			claims: State{Turn: Held, Waits: []Wait{turn(1, 0)}, Kept: []uint64{7}}, claim: true,
			judges: State{Turn: Held, Waits: []Wait{turn(7, 0)}, Kept: []uint64{1}}, fails: 7,
		},
		"one runs beside and is about to answer": {
			claims: State{Turn: Held, Waits: []Wait{turn(1, 0)}, Kept: []uint64{7}}, claim: true,
			judges: State{Turn: Held, Waits: []Wait{turn(7, 0)}, Beside: 1},
		},
		"all slots wait for each other": {
			claims: State{Turn: Queues, Waits: []Wait{beside(1, 3, a), beside(2, 4, b)}, Beside: 2, Kept: []uint64{7}}, claim: true,
			judges: State{Waits: []Wait{beside(4, 1, a), beside(7, 2, b)}, Beside: 2}, fails: 7,
		},
		"one slot does not wait": {
			claims: State{Turn: Queues, Waits: []Wait{beside(1, 3, a)}, Beside: 2, Kept: []uint64{7}},
		},
		"one waits twice": {
			claims: State{Turn: Queues, Waits: []Wait{beside(1, 3, a), beside(2, 3, a)}, Beside: 2, Kept: []uint64{7}},
		},
		"of all slots one is about to be answered": {
			claims: State{Turn: Queues, Waits: []Wait{beside(1, 3, a), beside(2, 4, b)}, Beside: 2, Kept: []uint64{7}}, claim: true,
			judges: State{Waits: []Wait{beside(7, 2, b)}, Beside: 2},
		},
		"over both": {
			claims: State{Turn: Held, Waits: []Wait{turn(1, 0), beside(2, 5, a)}, Beside: 1, Kept: []uint64{7}}, claim: true,
			judges: State{Waits: []Wait{beside(5, 1, a), beside(7, 2, b)}, Beside: 2}, fails: 7,
		},
		"over both, and another may answer": {
			claims: State{Turn: Held, Waits: []Wait{turn(1, 0), beside(2, 5, a)}, Beside: 2, Kept: []uint64{7}}, claim: true,
			judges: State{Waits: []Wait{beside(5, 1, a), beside(7, 2, b)}, Beside: 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := tc.claims.Claim()
			require.Equal(t, tc.claim, c != nil)
			if c == nil {
				return
			}
			parsed, err := wire.ParseStandstill(frameBody(t, c))
			require.NoError(t, err)
			require.Equal(t, c, parsed)
			call, ok := tc.judges.Judge(c)
			require.Equal(t, tc.fails, call)
			require.Equal(t, tc.fails != 0, ok)
		})
	}
}

func frameBody(t *testing.T, c *wire.Standstill) []byte {
	f, _, ok, err := wire.Next(wire.AppendStandstill(nil, c), wire.DefaultMaxFrame)
	require.NoError(t, err)
	require.True(t, ok)
	return f.Body
}
