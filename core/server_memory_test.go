//go:build !js

package core

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"runtime"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// heapNow returns the bytes in use after a collection.
func heapNow() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// Many clients that read nothing, whose handlers are slow, or that send frames in part do not hold
// more memory together than the limit, by the server's count and in truth.
func TestMemoryBytes(t *testing.T) {
	const limit, many = 16 << 20, 100
	big := make([]byte, 50<<10)
	tests := map[string]struct {
		opts ServerOptions
		fill func(w *world, peers []*coretest.Peer)
	}{
		"sends to those who do not read": {
			fill: func(w *world, peers []*coretest.Peer) {
				for range 20 {
					for c := range w.srv.Clients() {
						c.SendBytes("n", big) //nolint:errcheck // some are being ended
					}
					time.Sleep(time.Second)
				}
			},
		},
		"sends to those who are away": {
			fill: func(w *world, peers []*coretest.Peer) {
				for _, p := range peers {
					p.Stream.Close() //nolint:errcheck // it may come back
				}
				synctest.Wait()
				for range 20 {
					for c := range w.srv.Clients() {
						c.SendBytes("n", big) //nolint:errcheck // some are being ended
					}
					time.Sleep(time.Second)
				}
			},
		},
		"sends to slow handlers": {
			opts: ServerOptions{Limits: Limits{InboxBytes: 1 << 20}},
			fill: func(w *world, peers []*coretest.Peer) {
				write(peers, 18, wire.AppendCommand(nil, "slow", big))
			},
		},
		"concurrent handlers": {
			opts: ServerOptions{Limits: Limits{InboxBytes: 1 << 20}},
			fill: func(w *world, peers []*coretest.Peer) {
				write(peers, 18, wire.AppendCommand(nil, "beside", big))
			},
		},
		"raw messages that nobody receives": {
			fill: func(w *world, peers []*coretest.Peer) {
				write(peers, 5, wire.AppendRaw(nil, big))
			},
		},
		"frames in part": {
			opts: ServerOptions{Timeouts: Timeouts{Frame: -1}},
			fill: func(w *world, peers []*coretest.Peer) {
				part := wire.AppendRaw(nil, make([]byte, 1<<20-10))[:600<<10]
				write(peers, 1, part)
			},
		},
		"streams that nobody takes": {
			fill: func(w *world, peers []*coretest.Peer) {
				write(peers, 1, opening(1, 0, "idle"))
				write(peers, 7, wire.AppendStreamItem(nil, 1, make([]byte, 32<<10)))
			},
		},
		"items of nothing that nobody takes": {
			fill: func(w *world, peers []*coretest.Peer) {
				for id := uint64(1); id < 6; id += 2 {
					write(peers, 1, opening(id, 0, "idle"))
					write(peers, 1, bytes.Repeat(wire.AppendStreamItem(nil, id, nil), defaultWindow/wire.StreamItemCost))
				}
			},
		},
		"streams to those who do not read": {
			fill: func(w *world, peers []*coretest.Peer) {
				write(peers, 1, opening(1, 1<<20, "endless"))
				write(peers, 1, opening(3, 1<<20, "endless"))
			},
		},
		"histories of many groups": {
			opts: ServerOptions{History: History{Messages: 100, Bytes: 1 << 20, Groups: 10_000}},
			fill: func(w *world, peers []*coretest.Peer) {
				c := first(w)
				for i := range 600 {
					g := strconv.Itoa(i)
					require.NoError(w.t, c.Join(w.ctx, g))
					w.srv.Group(g).Send("n", string(big)) //nolint:errcheck // its members may be ended
					require.NoError(w.t, c.Leave(w.ctx, g))
					for range 3 {
						synctest.Wait()
					}
				}
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			opts := tc.opts
			opts.Limits.MemoryBytes, opts.Timeouts.Heartbeat, opts.Timeouts.Write, opts.Timeouts.Resume = limit, -1, -1, time.Hour
			inWorld(t, &opts, func(w *world) {
				wait := func(ctx context.Context, _ *Conn, _ []byte) error { <-ctx.Done(); return nil }
				w.srv.OnBytes("slow", wait)
				w.srv.OnBytes("beside", wait, Concurrent())
				HandleUpload(w.srv, "idle", func(ctx context.Context, _ *Conn, _ []byte, _ iter.Seq2[[]byte, error]) ([]byte, error) {
					return nil, wait(ctx, nil, nil)
				})
				HandleByteStream(w.srv, "endless", func(_ context.Context, _ *Conn, _ []byte, s *ByteStream) error {
					_, err := io.Copy(s, endless{})
					return err
				})
				w.serve()
				ada := w.join(w.client("ada"))
				var peers []*coretest.Peer
				for i := range many {
					p, _ := w.resumable(strconv.Itoa(i))
					peers = append(peers, p)
				}
				before := heapNow()
				tc.fill(w, peers)
				time.Sleep(3 * time.Second) // until the ended connections are gone
				synctest.Wait()
				stats := w.srv.Stats()
				require.LessOrEqual(t, stats.Memory, limit)
				require.Greater(t, stats.Memory, limit/4, "it was filled")
				require.Less(t, heapNow()-before, limit+limit/2, "what the other ends hold included")
				if tc.opts.History.Messages == 0 {
					require.NotZero(t, stats.GivenUp+stats.Overloaded)
				}
				require.NoError(t, ada.Err(), "who holds little stays")
				for _, p := range peers {
					p.Stream.Close() //nolint:errcheck // it is over
				}
			})
		})
	}
}

// opening is the frame that opens a stream.
func opening(id, window uint64, name string) []byte {
	return wire.AppendStream(nil, &wire.OpenStream{ID: id, Window: window, Name: []byte(name)})
}

// write writes a frame up to n times to each peer, as far as the peer takes it.
func write(peers []*coretest.Peer, n int, frame []byte) {
	for _, p := range peers {
		go func() {
			for range n {
				if _, err := p.Stream.Write(frame); err != nil {
					return // it is being ended
				}
				time.Sleep(time.Second)
			}
		}()
	}
	time.Sleep(time.Duration(n) * time.Second)
}

// Nothing of an ended connection counts, in whichever way it ended.
func TestMemoryIsGivenBack(t *testing.T) {
	opts := &ServerOptions{Limits: Limits{MemoryBytes: 16 << 20}, Timeouts: Timeouts{Heartbeat: -1, Write: -1, Close: time.Second}}
	inWorld(t, opts, func(w *world) {
		w.srv.OnBytes("slow", func(ctx context.Context, _ *Conn, _ []byte) error { <-ctx.Done(); return nil })
		w.srv.OnBytes("beside", func(ctx context.Context, _ *Conn, _ []byte) error { <-ctx.Done(); return nil }, Concurrent())
		w.srv.OnBytes("exit", func(context.Context, *Conn, []byte) error { runtime.Goexit(); return nil })
		w.serve()
		for i := range 40 {
			p, _ := w.resumable("")
			payload := make([]byte, 30<<10)
			c := first(w)
			for range 5 {
				require.NoError(t, c.SendBytes("n", payload))
			}
			p.Send(wire.AppendRaw(nil, payload))
			switch i % 4 {
			case 0:
				p.Send(wire.AppendCommand(nil, "slow", payload))
				p.Send(wire.AppendCommand(nil, "slow", payload))
			case 1:
				p.Send(wire.AppendCommand(nil, "beside", payload))
			case 2:
				p.Send(wire.AppendCommand(nil, "n", make([]byte, 200<<10))[:100<<10])
			case 3:
				p.Send(wire.AppendCommand(nil, "exit", payload))
			}
			synctest.Wait()
			require.NotZero(t, w.srv.Stats().Memory)
			switch i / 4 % 3 {
			case 0:
				c.Close()
			case 1:
				c.endWith(NewError(CodeRateLimit, ""))
			}
			p.Stream.Close() //nolint:errcheck // it is over
			time.Sleep(time.Minute)
			synctest.Wait()
			require.Zero(t, w.srv.Len())
			require.Zero(t, w.srv.Stats().Memory, i)
		}
	})
}

// A frame for all clients counts once, however many have not read it. No client is ended for it.
func TestMemoryOfBroadcasts(t *testing.T) {
	opts := &ServerOptions{Limits: Limits{MemoryBytes: 16 << 20}, Timeouts: Timeouts{Heartbeat: -1, Write: -1}}
	inWorld(t, opts, func(w *world) {
		w.serve()
		for range 200 {
			w.hello(&wire.Hello{})
		}
		for range 5 {
			require.NoError(t, w.srv.All().SendBytes("n", make([]byte, 100<<10)))
			synctest.Wait()
		}
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, ServerStats{Conns: 200, Memory: w.srv.Stats().Memory, MemoryLimit: 16 << 20}, w.srv.Stats())
		require.Less(t, w.srv.Stats().Memory, 16<<20)
	})
}

// Newcomers are refused while the memory is full. A client that resumes is not.
func TestOverloaded(t *testing.T) {
	opts := &ServerOptions{Limits: Limits{MemoryBytes: 8 * connCost}}
	inWorld(t, opts, func(w *world) {
		w.serve()
		p, session := w.resumable("")
		var others []*Client
		for range 7 {
			others = append(others, w.join(w.client("")))
		}
		w.helloOf(&wire.Hello{}).WantRefuse(CodeOverloaded, "")
		p.Stream.Close() //nolint:errcheck // it comes back
		p = w.helloOf(&wire.Hello{Resume: true, Session: session.Session, Token: session.Token})
		require.Equal(t, wire.KindWelcome, p.Want().Kind)
		for _, cl := range others {
			require.NoError(t, cl.Close())
		}
		time.Sleep(time.Second)
		w.join(w.client("ada"))
		require.Zero(t, w.srv.Stats().Overloaded, "there is nobody who holds anything")
	})
}

// The payloads of concurrent handlers are bounded like an inbox. Reading stops when they fill it.
func TestCopiesOfConcurrentHandlers(t *testing.T) {
	tests := map[string]struct{ size, most int }{
		"small":                {100, 256 << 10},
		"of 100 KiB":           {100 << 10, 256 << 10},
		"larger than the rest": {1<<20 - 100, 1 << 20},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.srv.OnBytes("first", func(ctx context.Context, _ *Conn, _ []byte) error { <-ctx.Done(); return nil })
				w.srv.OnBytes("beside", func(ctx context.Context, _ *Conn, _ []byte) error { <-ctx.Done(); return nil }, Concurrent())
				w.serve()
				for _, begin := range []string{"beside", "first"} { // "first" has the turn meanwhile
					p := w.hello(&wire.Hello{Name: begin})
					p.Send(wire.AppendCommand(nil, begin, nil))
					frame := wire.AppendCommand(nil, "beside", make([]byte, tc.size))
					go func() {
						for range 100 {
							if _, err := p.Stream.Write(frame); err != nil {
								return
							}
						}
					}()
					time.Sleep(time.Second)
					synctest.Wait()
					c := w.conn(begin)
					held := c.beside.Bytes()
					require.LessOrEqual(t, held, tc.most+2*jobCost, begin)
					require.NotZero(t, held, begin)
					queued := c.out.Stats().Held
					require.LessOrEqual(t, c.holds()+queued, 5*(1<<20), fmt.Sprint(begin, ": what SECURITY.md says"))
					p.Stream.Close() //nolint:errcheck // it is over
				}
			})
		})
	}
}
