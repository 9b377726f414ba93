package stream

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// Two tables with streams both ways are driven at random by every operation. Each item arrives once, in order and
// unchanged, and nothing is left at the end. An end of any kind loses only items that were not taken, and only the last
// ones.
func TestModel(t *testing.T) {
	for seed := range uint64(300) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { model(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

type modelStream struct {
	from, to *Stream
	sent     [][]byte
	item     Item // under way
	took     int
	finished bool
}

// got checks an item that was taken.
func (m *modelStream) got(t *testing.T, item []byte) {
	require.True(t, bytes.Equal(m.sent[m.took], item))
	m.took++
}

func model(t *testing.T, rng *rand.Rand) {
	client, server := newTable(false), newTable(true)
	var all []*modelStream
	number := uint64(0)
	now := time.Now()
	for range 400 {
		now = now.Add(time.Duration(rng.IntN(200)) * time.Millisecond)
		switch rng.IntN(8) {
		case 0:
			if server.Places() == testLimits.Most {
				break
			}
			number++
			flush(t, client, server)
			here, there := opened(t, client, server, number)
			all = append(all, &modelStream{from: here, to: there}, &modelStream{from: there, to: here})
		case 1, 2, 3:
			if len(all) == 0 {
				break
			}
			m := all[rng.IntN(len(all))]
			if m.finished {
				break
			}
			if m.item.Rest == nil {
				b := make([]byte, rng.IntN(1<<rng.IntN(16)))
				for i := range b {
					b[i] = byte(rng.Uint32())
				}
				m.sent = append(m.sent, b)
				m.item.Rest = b
			}
			st, err := m.from.TrySend(&m.item)
			require.NoError(t, err)
			if st == Done {
				m.item = Item{}
			}
		case 4, 5:
			if len(all) == 0 {
				break
			}
			m := all[rng.IntN(len(all))]
			for range rng.IntN(10) {
				item, st, err := m.to.TryNext()
				require.NoError(t, err)
				if st != Done {
					break
				}
				m.got(t, item)
			}
		case 6:
			move(t, client, server)
			move(t, server, client)
		case 7:
			client.Relinked() // nothing was on its way
			server.Relinked()
		}
	}
	// All streams are brought to their end.
	for more := true; more; {
		more = false
		flush(t, client, server)
		for _, m := range all {
			if m.item.Rest != nil {
				st, err := m.from.TrySend(&m.item)
				require.NoError(t, err)
				if st == Done {
					m.item = Item{}
				}
				more = true
			} else if !m.finished {
				m.finished = true
				m.from.Finish(wire.Goodbye{}, nil)
				more = true
			}
			for {
				item, st, err := m.to.TryNext()
				require.NoError(t, err)
				if st != Done {
					break
				}
				m.got(t, item)
				more = true
			}
		}
	}
	for _, m := range all {
		require.Equal(t, len(m.sent), m.took)
		_, st, err := m.to.TryNext()
		require.NoError(t, err)
		require.Equal(t, Ended, st)
		require.True(t, m.to.Ended())
		m.to.Leave()
		m.from.Leave()
	}
	for _, tab := range []*Table{client, server} {
		require.Zero(t, tab.Len())
		require.Zero(t, tab.Held())
	}
}
