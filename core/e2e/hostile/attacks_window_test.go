//go:build !js

package hostile_test

import (
	"context"
	"iter"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// Defaults of a server, in bytes. What is being taken counts as held until the next segment is taken.
const (
	streamWindow = 256 << 10
	streamGrowth = 1 << 20
	maxItem      = 1 << 20
	beingTaken   = 64 << 10
)

// A spender is a peer that sends as much as its streams have credit for.
type spender struct {
	*coretest.Peer
	pongs chan struct{}

	mu     sync.Mutex
	credit map[uint64]int // bytes, by id of the stream; guarded by mu
}

// spend opens streams with that name, and reads the credit for them.
func spend(a *arena, streams int, name string) *spender {
	p, _ := a.hello(wire.Hello{})
	s := &spender{Peer: p, pongs: make(chan struct{}, 1), credit: map[uint64]int{}}
	for i := range uint64(streams) {
		s.credit[2*i+1] = wire.FirstStreamCredit
		s.Tell(openStream(2*i+1, 0, name))
	}
	go func() {
		for {
			f, err := p.Frame(0)
			if err != nil {
				return
			}
			switch f.Kind {
			case wire.KindStreamCredit:
				if id, n, err := wire.ParseStreamCredit(f.Body); err == nil {
					s.mu.Lock()
					s.credit[id] += int(n)
					s.mu.Unlock()
				}
			case wire.KindPong:
				s.pongs <- struct{}{}
			}
		}
	}()
	return s
}

// take takes credit for a payload of up to n bytes, and returns the length that there is credit for, or 0.
func (s *spender) take(id uint64, n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n = min(n, s.credit[id]-wire.StreamItemCost); n <= 0 {
		return 0
	}
	s.credit[id] -= n + wire.StreamItemCost
	return n
}

// round sends up to most[id] more bytes to each stream, as far as there is credit: items if whole is set, and parts otherwise. Then it waits until the
// server has read them. It returns the number of bytes.
func (s *spender) round(a *arena, most map[uint64]int, whole bool) (sent int) {
	buf := make([]byte, 32<<10)
	for id := range most {
		for {
			n := s.take(id, min(len(buf), most[id]))
			if n == 0 {
				break
			}
			if whole {
				s.Tell(wire.AppendStreamItem(nil, id, buf[:n]))
			} else {
				s.Tell(wire.AppendStreamPart(nil, id, buf[:n]))
			}
			most[id] -= n
			sent += n
		}
	}
	s.Tell(wire.AppendPing(nil, 5))
	coretest.Next(a.T, s.pongs)
	return sent
}

// fill sends up to most bytes to each stream, until done reports true and two rounds after that have brought no credit.
func (s *spender) fill(a *arena, most int, whole bool, done func() bool) {
	left := map[uint64]int{}
	s.mu.Lock()
	for id := range s.credit {
		left[id] = most
	}
	s.mu.Unlock()
	for idle := 0; idle < 2; {
		over := done()
		if s.round(a, left, whole) > 0 || !over {
			idle = 0
		} else {
			idle++
		}
	}
}

// holds wants the server to hold more than least bytes of streams, and at most most, within the bound that SECURITY.md gives for one client.
func (a *arena) holds(least, most int) {
	a.Helper()
	s := a.srv.Stats()
	require.Greater(a, s.Streams.Held, least)
	require.LessOrEqual(a, s.Streams.Held, most)
	require.LessOrEqual(a, s.Memory, 200<<20)
	a.Logf("%d KiB are held, in %d KiB of memory", s.Streams.Held>>10, s.Memory>>10)
	a.worst()
}

var windowAttacks = map[string]attack{
	"windows that grow, and nothing is taken then": {
		more: func(a *arena) {
			core.HandleByteStream(a.srv, "quick", func(ctx context.Context, _ *core.Conn, _ struct{}, s *core.ByteStream) error {
				buf := make([]byte, 64<<10)
				for n := 0; n < 2<<20; {
					k, err := s.Read(buf)
					if err != nil {
						return err
					}
					n += k
				}
				a.stopped.Add(1)
				<-ctx.Done()
				return ctx.Err()
			})
		},
		tries: [2]int{16, 128}, grows: 96 << 10,
		run: func(a *arena, tries int) string {
			p := spend(a, tries, "quick")
			p.fill(a, 1<<30, true, func() bool { return a.stopped.Load() == int64(tries) })
			a.holds(tries*streamWindow*9/10+streamGrowth/4, tries*(streamWindow+beingTaken)+streamGrowth)
			require.NoError(a, p.Stream.Close())
			a.leaves(core.CodeConnLost)
			return "its windows, and their growth together"
		},
	},
	"items that are taken, and items in part behind them": {
		more: func(a *arena) {
			core.HandleUpload(a.srv, "hold", func(ctx context.Context, _ *core.Conn, _ struct{}, items iter.Seq2[[]byte, error]) (n int, _ error) {
				for _, err := range items {
					if err != nil {
						return n, err
					}
					a.stopped.Add(1)
					<-ctx.Done()
				}
				return n, ctx.Err()
			})
		},
		tries: [2]int{16, 128}, grows: 208 << 10,
		run: func(a *arena, tries int) string {
			p := spend(a, tries, "hold")
			p.fill(a, maxItem-1, false, func() bool { return a.srv.Stats().Streams.Held == tries*(maxItem-1) })
			a.holds(tries*(maxItem-1)-1, tries*maxItem)
			p.fill(a, 1, true, func() bool { return a.stopped.Load() == int64(tries) })
			p.fill(a, 1<<30, false, func() bool { return true })
			a.holds(tries*(maxItem+streamWindow*9/10), tries*(maxItem+streamWindow)+streamGrowth)
			require.NoError(a, p.Stream.Close())
			a.leaves(core.CodeConnLost)
			return "an item and a window of each stream"
		},
	},
}
