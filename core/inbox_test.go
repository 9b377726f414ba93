package core

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// heldInbox is a connection whose handler is slow, so that what comes waits in its inbox.
func heldInbox(limit int) *Conn {
	c := &Conn{eng: &common{}}
	c.inbox.init(limit, nil)
	c.turn.Store(turnHanded)
	return c
}

// put lets a frame wait, which is one of those that the inbox knows.
func (c *Conn) put(kind wire.Kind, id uint64, payload string) {
	var b []byte
	switch kind {
	case wire.KindRequest:
		b = wire.AppendRequest(nil, id, "x", []byte(payload))
	case wire.KindRaw:
		b = wire.AppendRaw(nil, []byte(payload))
	default:
		b = wire.AppendCommand(nil, "x", []byte(payload))
	}
	f, _, _, _ := wire.Next(b, 0)
	c.push(&reader{}, f)
}

// An inbox does what one does that looks at all of its jobs: whatever waits, is given up, received
// out of its turn, or taken, in any order.
func TestInboxModel(t *testing.T) {
	type waits struct {
		kind wire.Kind
		id   uint64
		gone bool
	}
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		c := heldInbox(1 << 20)
		var model []waits
		open := func() (n int) {
			for _, w := range model {
				if w.kind == wire.KindRequest && !w.gone {
					n++
				}
			}
			return n
		}
		nextID := uint64(0)
		for range 500 {
			switch random.IntN(6) {
			case 0, 1:
				w := waits{kind: []wire.Kind{wire.KindRequest, wire.KindRequest, wire.KindRaw, wire.KindCommand}[random.IntN(4)]}
				if w.kind == wire.KindRequest {
					nextID++
					w.id = nextID
				}
				c.put(w.kind, w.id, fmt.Sprint(len(model)))
				model = append(model, w)
			case 2, 3:
				id := random.Uint64N(nextID + 3)
				c.inbox.cancel(id)
				for i := range model {
					if w := &model[i]; w.kind == wire.KindRequest && w.id == id {
						w.gone = true
					}
				}
			case 4:
				_, ok := c.inbox.takeRaw()
				want := false
				for i := range model {
					if w := &model[i]; w.kind == wire.KindRaw && !w.gone {
						w.gone, want = true, true
						break
					}
				}
				require.Equal(t, want, ok)
			case 5:
				if len(model) == 0 || random.IntN(4) > 0 && seed%2 == 0 { // some grow long
					continue
				}
				j, ok := c.next()
				require.True(t, ok)
				require.Equal(t, model[0], waits{j.kind, j.id, j.canceled})
				model = model[1:]
				if len(model) == 0 && random.IntN(2) == 0 {
					_, ok := c.next() // which ends the turn
					require.False(t, ok)
					c.turn.Store(turnHanded)
				}
			}
			require.Equal(t, open(), c.inbox.calls)
			require.LessOrEqual(t, len(c.inbox.byID), open())
		}
	}
}

// Ids that a peer has made up, or uses twice, leave nothing behind and nothing miscounted.
func TestInboxOfLies(t *testing.T) {
	c := heldInbox(1 << 20)
	for range 3 {
		c.put(wire.KindRequest, 7, "")
		c.put(wire.KindRequest, 8, "")
	}
	for id := range uint64(1000) {
		c.inbox.cancel(id + 7)
		c.inbox.cancel(id + 7)
	}
	require.Equal(t, 4, c.inbox.calls)
	require.LessOrEqual(t, len(c.inbox.byID), 4)
	for range 6 {
		_, ok := c.next()
		require.True(t, ok)
	}
	require.Zero(t, c.inbox.calls)
	_, ok := c.next()
	require.False(t, ok)
	require.Nil(t, c.inbox.byID)
}

// The table of running calls does the same with an index as without.
func TestServingTable(t *testing.T) {
	for _, most := range []int{manyServed, 10 * manyServed} {
		random := rand.New(rand.NewPCG(1, uint64(most)))
		var table servingTable
		running := map[uint64]bool{} // by id: whether it was given up
		for range 20_000 {
			id := random.Uint64N(2 * uint64(most))
			_, runs := running[id]
			switch op := random.IntN(4); {
			case op < 2 && len(running) < most:
				require.Equal(t, !runs, table.add(id, func() {}, false))
				if !runs {
					running[id] = false
				}
			case op == 2:
				table.cancel(id)
				if runs {
					running[id] = true
				}
			default:
				require.Equal(t, !runs || running[id], table.remove(id))
				delete(running, id)
			}
			require.Len(t, table.calls, len(running))
		}
		for id := range running {
			table.remove(id)
		}
		require.Empty(t, table.calls)
		require.Nil(t, table.at)
	}
}

// BenchmarkCancel gives up calls of which there is none, one of those that wait, and one that a
// handler has, with so many that wait.
func BenchmarkCancel(b *testing.B) {
	for _, waiting := range []int{0, 10, 2000} {
		b.Run(fmt.Sprint(waiting), func(b *testing.B) {
			c := heldInbox(1 << 20)
			for id := range uint64(waiting) {
				c.put(wire.KindRequest, id+1, "")
			}
			body := wire.AppendCancel(nil, 1<<40)
			f, _, _, _ := wire.Next(body, 0)
			b.ReportAllocs()
			for b.Loop() {
				if err := c.gotCancel(f.Body); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
