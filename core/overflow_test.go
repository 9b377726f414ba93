//go:build !js

package core

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// A slowPeer is a client by hand over a stream that holds next to nothing. It reads when the test
// says so.
type slowPeer struct {
	*coretest.Peer
	c *Conn
}

// slow joins with a client that does not read.
func (w *world) slow(name string) *slowPeer {
	p := w.hello(&wire.Hello{Name: name, Resume: true})
	synctest.Wait()
	c, err := w.srv.Client(name)
	require.NoError(w.t, err)
	return &slowPeer{p, c}
}

// stall fills the stream: later frames wait in the queue.
func (p *slowPeer) stall() {
	p.T.Helper()
	for range 1000 {
		require.NoError(p.T, p.c.Send("fill", make([]byte, 1<<10)))
		synctest.Wait()
		if p.c.Stats().Waiting > 0 {
			return
		}
	}
	require.FailNow(p.T, "the stream never fills")
}

// rest reads all waiting frames. It returns the commands, without the commands of stall, and the
// number of missed frames.
func (p *slowPeer) rest() (got []string, missed uint64) {
	p.T.Helper()
	require.NoError(p.T, p.Stream.SetReadDeadline(time.Now().Add(time.Second)))
	for {
		f, err := p.Frame(wire.DefaultMaxFrame)
		if err != nil {
			return got, missed
		}
		switch f.Kind {
		case wire.KindCommand:
			name, payload, _ := wire.ParseCommand(f.Body)
			if string(name) != "fill" {
				n, _ := binary.Uvarint(payload)
				got = append(got, fmt.Sprint(string(name), " ", n))
			}
		case wire.KindGroupCommand:
			said, _ := groupFrame(f)
			n, _ := binary.Uvarint(said.Payload)
			got = append(got, fmt.Sprint(said.Command, " ", n))
		case wire.KindPing:
			nonce, _ := wire.ParseNonce(f.Body)
			p.Send(wire.AppendPong(nil, nonce))
		case wire.KindMissed:
			missed, _ = wire.ParseMissed(f.Body)
		case wire.KindRaw:
			got = append(got, "raw "+string(f.Body))
		}
	}
}

// askNonce is the nonce of a ping that asks for an ack.
const askNonce = 1 << 63

// number returns a payload of n bytes that begins with i.
func number(i, n int) []byte {
	b := make([]byte, n)
	binary.PutUvarint(b, uint64(i))
	return b
}

func TestOverflow(t *testing.T) {
	const size, room = 1000, 16 << 10
	tests := map[string]struct {
		of    map[string]Overflow
		send  func(i int) (command string, n int)
		first int  // number of the first message that arrives
		count int  // messages that arrive, at least
		fails bool // the last send fails
	}{
		"drop newest": {
			of:   map[string]Overflow{"n": OverflowDropNewest},
			send: func(int) (string, int) { return "n", size }, first: 0, count: 5, fails: true,
		},
		"drop oldest": {
			of:   map[string]Overflow{"n": OverflowDropOldest},
			send: func(int) (string, int) { return "n", size }, first: -1, count: 5,
		},
		"latest": {
			of:   map[string]Overflow{"n": OverflowLatest},
			send: func(int) (string, int) { return "n", size }, first: 99, count: 1,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: room}, OverflowOf: tc.of}, func(w *world) {
				w.serve()
				p := w.slow("ada")
				p.stall()
				var err error
				for i := range 100 {
					command, n := tc.send(i)
					if i%2 == 0 {
						err = p.c.SendBytes(command, number(i, n))
					} else {
						err = w.srv.All().SendBytes(command, number(i, n))
						require.NoError(t, err)
						err = nil
					}
				}
				if tc.fails {
					require.Equal(t, CodeQueueFull, CodeOf(p.c.SendBytes("n", number(0, size))))
				} else {
					require.NoError(t, err)
				}
				s := p.c.Stats()
				require.LessOrEqual(t, s.Waiting+s.Kept, room)
				require.NotZero(t, s.Dropped)
				require.Equal(t, s.Dropped, w.srv.Stats().Dropped)
				got, missed := p.rest()
				require.GreaterOrEqual(t, len(got), tc.count)
				require.Equal(t, s.Dropped, missed)
				if tc.fails {
					missed--
				}
				require.EqualValues(t, 100, len(got)+int(missed), "nothing is lost untold")
				first := tc.first
				if first < 0 {
					first = 100 - len(got)
				}
				for i, g := range got {
					require.Equal(t, fmt.Sprint("n ", first+i), g)
				}
				require.NoError(t, p.Stream.Close())
			})
		})
	}
}

// Frames that may not be dropped keep their place among frames that may.
func TestOverflowSparesTheRest(t *testing.T) {
	inWorld(t, &ServerOptions{
		Limits: Limits{QueueBytes: 16 << 10}, Overflow: OverflowDropOldest,
		OverflowOf: map[string]Overflow{"keep": OverflowDisconnect, "pos": OverflowLatest},
	}, func(w *world) {
		w.serve()
		p := w.slow("ada")
		for p.c.Stats().Waiting == 0 {
			require.NoError(t, p.c.SendBytes("keep", number(0, 1<<10)))
			synctest.Wait()
		}
		for i := range 200 {
			require.NoError(t, p.c.SendBytes("tick", number(i, 200)))
			require.NoError(t, p.c.SendBytes("pos", number(i, 100)))
			require.NoError(t, p.c.SendRaw([]byte("text")))
			if i%20 == 0 {
				require.NoError(t, p.c.SendBytes("keep", number(1000+i, 100)))
			}
		}
		got, missed := p.rest()
		require.NotZero(t, missed)
		kept := 0
		last := map[string]string{}
		for _, g := range got {
			var name string
			var n int
			fmt.Sscan(g, &name, &n)
			if name == "keep" && n >= 1000 {
				require.Equal(t, 1000+20*kept, n)
				kept++
			}
			last[name] = g
		}
		require.Equal(t, 10, kept)
		require.Equal(t, "pos 199", last["pos"])
		require.Equal(t, "tick 199", last["tick"])
		require.NoError(t, p.Stream.Close())
	})
}

// The holes of dropped frames do not make a queue grow.
func TestOverflowLatestDoesNotGrow(t *testing.T) {
	inWorld(t, &ServerOptions{Overflow: OverflowLatest}, func(w *world) {
		w.serve()
		p := w.slow("ada")
		for i := 0; p.c.Stats().Waiting == 0; i++ {
			require.NoError(t, p.c.SendBytes(fmt.Sprint("fill", i), make([]byte, 8<<10)))
			synctest.Wait()
		}
		time.Sleep(50 * time.Millisecond) // until the write counts as stalled
		for i := range 100_000 {
			require.NoError(t, p.c.SendBytes(fmt.Sprint("pos", i%5), number(i, 10)))
		}
		require.Less(t, p.c.out.Stats().Held, 256<<10)
		got, missed := p.rest()
		require.EqualValues(t, 100_000-5, missed)
		require.Equal(t, []string{"pos0 99995", "pos1 99996", "pos2 99997", "pos3 99998", "pos4 99999"}, got[len(got)-5:])
		require.NoError(t, p.Stream.Close())
	})
}

// A client is told once how many frames it has missed, also after it has been away.
func TestMissed(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 8 << 10}, Overflow: OverflowDropOldest}, func(w *world) {
		w.serve()
		cl, _ := w.returning("ada", Retry{Min: time.Second})
		var got, missed kept[int]
		cl.OnBytes("n", func(_ context.Context, _ *Conn, b []byte) error {
			n, _ := binary.Uvarint(b)
			got.Add(int(n))
			return nil
		})
		cl.OnMissed(func(_ *Conn, n uint64) { missed.Add(int(n)) })
		w.join(cl)
		for range 3 {
			cl.Conn().breakOff()
			synctest.Wait()
			for i := range 20 {
				require.NoError(t, w.srv.All().SendBytes("n", number(i, 1<<10)))
			}
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		require.Equal(t, []int{13, 13, 13}, missed.All())
		require.Len(t, got.All(), 3*7)
		require.NoError(t, cl.Close())
		<-cl.Done()
	})
}

func TestOverflowOptions(t *testing.T) {
	require.Nil(t, newOverflowRules(OverflowDisconnect, nil, OverflowBlock))
	require.Nil(t, newOverflowRules(OverflowDefault, nil, OverflowDisconnect))
	require.Equal(t, OverflowBlock, newOverflowRules(OverflowDefault, nil, OverflowBlock).of("a"))
	rules := map[string]Overflow{"": OverflowBlock, "a": OverflowDisconnect, "c": OverflowDefault}
	r := newOverflowRules(OverflowLatest, rules, OverflowDisconnect)
	rules["b"] = OverflowBlock
	require.Equal(t, OverflowBlock, r.of(""))
	require.Equal(t, OverflowDisconnect, r.of("a"))
	require.Equal(t, OverflowDisconnect, r.of("c"))
	require.Equal(t, OverflowLatest, r.of("b"))
	seen := map[string]bool{}
	for o := OverflowDefault; o <= OverflowBlock+1; o++ {
		require.False(t, seen[o.String()])
		seen[o.String()] = true
	}
}

// moves sends the positions of players, frames times at the pace of a game, and waits for each
// frame.
func moves(send func(command string, payload []byte, opts ...SendOption) error, players, frames int) error {
	for i := range frames {
		for player := range players {
			if err := send("pos", number(i*players+player, 40), Key(strconv.Itoa(player))); err != nil {
				return err
			}
		}
		time.Sleep(time.Second / 60)
	}
	return nil
}

// A client that reads loses nothing under OverflowLatest, whether its writer begins at once or not,
// and however many messages have the same name.
func TestOverflowLatestDropsNothingThatCanBeWritten(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 64 << 10}, Overflow: OverflowLatest}, func(w *world) {
		var got kept[int]
		cl := w.client("ada")
		cl.OnBytes("pos", func(_ context.Context, _ *Conn, b []byte) error {
			n, _ := binary.Uvarint(b)
			got.Add(int(n))
			return nil
		})
		w.serve()
		w.join(cl)
		c := first(w)
		const players, frames = 8, 300
		for name, send := range map[string]func(command string, payload []byte, opts ...SendOption) error{
			"to one": c.SendBytes, "to all": w.srv.All().SendBytes,
		} {
			got = kept[int]{}
			require.NoError(t, moves(send, players, frames))
			synctest.Wait()
			require.Len(t, got.All(), players*frames, name)
			for range 100 { // at once, before the writer has begun
				require.NoError(t, send("pos", number(1, 40), Key("1")))
			}
			synctest.Wait()
			require.Len(t, got.All(), players*frames+100, name)
		}
		require.Zero(t, c.Stats().Dropped)
		require.NoError(t, cl.Close())
	})
}

// A client that does not read for a while gets the latest message of each name and key, in the order
// in which they were sent. The queue holds no more than these messages.
func TestOverflowLatestByKey(t *testing.T) {
	inWorld(t, &ServerOptions{Overflow: OverflowLatest}, func(w *world) {
		w.serve()
		p := w.slow("ada")
		for i := 0; p.c.Stats().Waiting == 0; i++ {
			require.NoError(t, p.c.SendBytes(fmt.Sprint("fill", i), make([]byte, 8<<10)))
			synctest.Wait()
		}
		const players, frames = 8, 300
		p.c.Join(w.ctx, "room") //nolint:errcheck // it is in it then
		waited := p.c.Stats().Waiting
		require.NoError(t, moves(w.srv.Group("room").SendBytes, players, frames))
		require.NoError(t, p.c.SendBytes("pos", number(1, 40)))
		require.NoError(t, p.c.SendBytes("pos", number(2, 40))) // without a key
		require.NoError(t, p.c.SendBytes("hit", number(3, 40), Key("1")))
		require.Less(t, p.c.Stats().Waiting, waited+(players+2)*64)
		got, missed := p.rest()
		var want []string
		for player := range players {
			want = append(want, fmt.Sprint("pos ", (frames-1)*players+player))
		}
		require.Equal(t, append(want, "pos 2", "hit 3"), got[len(got)-players-2:])
		require.EqualValues(t, players*(frames-1)+1, missed)
		require.NoError(t, p.Stream.Close())
	})
}

// Frames with ever new keys take no more memory than a queue may, in a burst or for a client that
// is away.
func TestOverflowLatestOfManyKeys(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 64 << 10}, Overflow: OverflowLatest}, func(w *world) {
		w.serve()
		p := w.slow("ada")
		for range 2 {
			for i := range 20_000 {
				require.NoError(t, p.c.SendBytes("pos", number(i, 4), Key(strconv.Itoa(i))))
			}
			require.Less(t, p.c.out.Stats().Held, 6*(64<<10))
			p.Stream.Close() //nolint:errcheck // it may come back
			synctest.Wait()
			require.True(t, p.c.Suspended())
		}
	})
}

// A message that a group keeps is not dropped if its sender was willing to wait, whatever the
// policy for other messages.
func TestKeptMessageOfAWaitingSenderIsNotDropped(t *testing.T) {
	opts := &ServerOptions{
		Limits: Limits{QueueBytes: 256 << 10}, History: History{Messages: 100}, OverflowOf: map[string]Overflow{"n": OverflowDropOldest},
	}
	inWorld(t, opts, func(w *world) {
		w.serve()
		p := w.slow("ada")
		require.NoError(t, p.c.Join(w.ctx, "red"))
		p.stall()
		red := w.srv.Group("red")
		require.NoError(t, red.SendBytes("n", number(0, 4<<10), Wait(w.ctx)))
		for i := range 80 {
			require.NoError(t, red.SendBytes("n", number(1+i, 4<<10)))
		}
		got, missed := p.rest()
		require.NotZero(t, missed)
		require.Contains(t, got, "n 0")
		require.Contains(t, got, "n 80")
		require.NoError(t, p.Stream.Close())
	})
}
