//go:build !js

package hostile_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

var floodAttacks = map[string]attack{
	"flood of small commands": {
		opts:  core.ServerOptions{Limits: core.Limits{FrameRate: 5000}},
		tries: [2]int{5, 100}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			flood := bytes.Repeat(wire.AppendCommand(nil, "flood", nil), 20_000)
			for range tries {
				p, _ := a.hello(wire.Hello{})
				p.Tell(flood)
				a.ends(p, core.CodeRateLimit)
			}
			a.worst()
			require.Less(a, a.handled.Load(), int64(tries)*20_000)
			return "disconnected: rate limit exceeded"
		},
	},
	"flood of bytes": {
		opts:  core.ServerOptions{Limits: core.Limits{ByteRate: 1 << 20}},
		tries: [2]int{5, 100}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			flood := bytes.Repeat(wire.AppendCommand(nil, "flood", make([]byte, 32<<10)), 80)
			for range tries {
				p, _ := a.hello(wire.Hello{})
				p.Tell(flood)
				a.ends(p, core.CodeRateLimit)
			}
			a.worst()
			return "disconnected: rate limit exceeded"
		},
	},
	"calls beyond the limit": {
		opts:  core.ServerOptions{Limits: core.Limits{MaxCalls: 16}},
		tries: [2]int{500, 50_000}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			p, _ := a.hello(wire.Hello{})
			for id := range uint64(16) {
				p.Send(wire.AppendRequest(nil, id+1, "never", nil))
			}
			for id := range uint64(tries) {
				p.Send(wire.AppendRequest(nil, id+100, "never", nil))
				p.WantFailure(id+100, core.CodeTooManyCalls)
			}
			a.worst()
			require.NoError(a, p.Stream.Close())
			a.leaves(core.CodeConnLost)
			return "too many calls; 16 that wait until it goes"
		},
	},
	"flood without a limit": {
		opts:  core.ServerOptions{Limits: core.Limits{FrameRate: -1, ByteRate: -1}},
		tries: [2]int{3, 1000}, grows: 32 << 10,
		run: floodBeside,
	},
	"cancels behind a full inbox": {
		opts: core.ServerOptions{Limits: core.Limits{MaxCalls: -1}},
		more: func(a *arena) {
			a.srv.HandleBytes("stuck", func(ctx context.Context, _ *core.Conn, _ []byte) ([]byte, error) {
				<-ctx.Done()
				return nil, ctx.Err()
			})
		},
		tries: [2]int{20_000, 5_000_000}, grows: 16 << 10,
		run: cancelStorm,
	},
	"lists for typed handlers": {
		more: func(a *arena) {
			core.On(a.srv, "wide", func(context.Context, *core.Conn, []wide) error { a.handled.Add(1); return nil }, core.MaxPayload(4<<10))
			core.Handle(a.srv, "wide", func(context.Context, *core.Conn, []wide) (int, error) { a.handled.Add(1); return 0, nil }, core.MaxPayload(4<<10))
			core.On2(a.srv, "pair", func(context.Context, *core.Conn, int, int) error { a.handled.Add(1); return nil })
		},
		tries: [2]int{10, 1000}, grows: 16 << 10,
		run: listsForHandlers,
	},
	"numbers for typed handlers": {
		more: func(a *arena) {
			core.On(a.srv, "int", counts[int](a))
			core.On(a.srv, "float", counts[float64](a))
			core.On(a.srv, "bool", counts[bool](a))
			core.On(a.srv, "pointer", counts[*int64](a))
			core.On(a.srv, "named", counts[time.Duration](a))
			core.On(a.srv, "address", counts[*netip.Addr](a))
		},
		tries: [2]int{1, 100}, grows: 16 << 10, // 66 frames of 1 MiB each
		run: numbersForHandlers,
	},
	"writes the log": {
		opts: core.ServerOptions{Logger: slog.New(slog.NewJSONHandler(attackedLog, &slog.HandlerOptions{Level: slog.LevelWarn}))},
		more: func(a *arena) {
			core.On(a.srv, "time", func(context.Context, *core.Conn, time.Time) error { return nil })
			a.srv.OnBytes("panic", func(context.Context, *core.Conn, []byte) error { panic("as asked") })
		},
		tries: [2]int{10, 200}, grows: 16 << 10,
		run: writeLog,
	},
}

// floodBeside sends small commands on 32 connections as fast as they are read, 20,000 at a time.
// BenchmarkFlood measures how long other clients wait meanwhile.
func floodBeside(a *arena, tries int) string {
	const flooders, each = 32, 20_000
	flood := bytes.Repeat(wire.AppendCommand(nil, "flood", nil), each)
	sent := make(chan error, flooders)
	var peers []*coretest.Peer
	for range flooders {
		p, _ := a.hello(wire.Hello{})
		peers = append(peers, p)
	}
	for _, p := range peers {
		go func() {
			for range tries {
				if _, err := p.Stream.Write(flood); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
	}
	for range flooders {
		require.NoError(a, <-sent)
	}
	a.worst()
	all := int64(flooders * tries * each)
	require.Eventually(a, func() bool { return a.handled.Load() == all }, 2*time.Minute, time.Millisecond)
	for _, p := range peers {
		p.StillThere()
	}
	require.Equal(a, all, a.handled.Load())
	return "its share of the processors"
}

// cancelStorm fills an inbox with calls, and gives up calls in the inbox and calls that were never
// made.
func cancelStorm(a *arena, tries int) string {
	const waiting = 1900 // calls that wait; 256 KiB hold more
	p, _ := a.hello(wire.Hello{})
	var calls, storm []byte
	for id := range uint64(waiting) {
		calls = wire.AppendRequest(calls, id+1, "stuck", nil)
	}
	p.Send(calls)
	for id := range uint64(1000) {
		storm = wire.AppendCancel(storm, waiting/2+id) // half of these calls are never made
	}
	for range tries / 1000 {
		p.Send(storm)
	}
	p.Send(wire.AppendPing(nil, 7))
	p.WantKind(wire.KindPong)
	a.worst()
	require.NoError(a, p.Stream.Close())
	a.leaves(core.CodeConnLost)
	return "calls given up; the rest waits until it goes"
}

// A wide is large in memory and has three bytes in a list.
type wide struct{ Fields [66]int64 }

func counts[T any](a *arena) func(context.Context, *core.Conn, T) error {
	return func(context.Context, *core.Conn, T) error { a.handled.Add(1); return nil }
}

// numbersForHandlers sends payloads that look like numbers, as long as a frame may be.
func numbersForHandlers(a *arena, tries int) string {
	const size = 1<<20 - 100
	var frames [][]byte
	for _, command := range []string{"int", "float", "bool", "pointer", "named", "address"} {
		for _, text := range []string{"7", "0", " ", "_", ".", "0x", "1e", "-", "\x00", "\xff", "٣"} {
			frames = append(frames, wire.AppendCommand(nil, command, bytes.Repeat([]byte(text), size/len(text))))
		}
	}
	p, _ := a.hello(wire.Hello{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range tries {
		for _, f := range frames {
			p.Send(f)
		}
	}
	p.StillThere()
	runtime.ReadMemStats(&after)
	a.worst()
	require.Zero(a, a.handled.Load())
	require.Less(a, (after.TotalAlloc-before.TotalAlloc)/uint64(tries*len(frames)), uint64(4<<20), "bytes for a frame of 1 MiB")
	return "the error hook is told; nothing was converted"
}

// listsForHandlers sends lists as long as a frame may be to handlers of short lists.
func listsForHandlers(a *arena, tries int) string {
	const size = 1<<20 - 100
	many := append(bytes.Repeat([]byte("{},"), size/3), "{}]"...)
	p, _ := a.hello(wire.Hello{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for id := range uint64(tries) {
		p.Send(wire.AppendCommand(nil, "wide", append([]byte("["), many...)))
		p.Send(wire.AppendCommand(nil, "pair", append([]byte("[1,2,"), many...)))
		p.Send(wire.AppendRequest(nil, id+1, "wide", append([]byte("["), many...)))
		p.WantFailure(id+1, core.CodeTooBig)
	}
	runtime.ReadMemStats(&after)
	a.worst()
	require.Zero(a, a.handled.Load())
	require.Less(a, (after.TotalAlloc-before.TotalAlloc)/uint64(tries), uint64(40<<20), "bytes for three frames of 1 MiB, those of the attacker included")
	p.StillThere()
	return "too big, and the wrong number of values; nothing was converted"
}

// attackedLog counts the bytes that are written into it.
var attackedLog = new(countedLog)

type countedLog struct{ bytes, longest atomic.Int64 }

func (l *countedLog) Write(p []byte) (int, error) {
	l.bytes.Add(int64(len(p)))
	for n := l.longest.Load(); int64(len(p)) > n && !l.longest.CompareAndSwap(n, int64(len(p))); n = l.longest.Load() {
	}
	return len(p), nil
}

// writeLog makes a server log as much as it can: commands without a handler, payloads that do not
// convert, panics, and refused clients.
func writeLog(a *arena, tries int) string {
	before := attackedLog.bytes.Load()
	unknown := bytes.Repeat(wire.AppendCommand(nil, "x", nil), 5000)
	bad := bytes.Repeat(wire.AppendCommand(nil, "time", bytes.Repeat([]byte{0xff}, 100)), 500)
	large := wire.AppendCommand(nil, "time", bytes.Repeat([]byte{0}, 900<<10))
	panics := bytes.Repeat(wire.AppendCommand(nil, "panic", nil), 500)
	sent := 0
	start := time.Now()
	for range tries {
		p, _ := a.hello(wire.Hello{Name: "mallory"})
		for _, b := range [][]byte{unknown, bad, large, panics} {
			p.Send(b)
			sent += len(b)
		}
		p.Send(wire.AppendRequest(nil, 1, "echo", nil))
		p.WantReply(1)
		p.Send([]byte{0})
		a.ends(p, core.CodeProtocol)
		q := a.raw()
		q.Send([]byte("GET / HTTP/1.1\r\n\r\n"))
		q.Stream.Close() //nolint:errcheck // it is over
		sent += 19
	}
	a.worst()
	logged := attackedLog.bytes.Load() - before
	kinds, seconds := int64(8), int64(time.Since(start)/time.Second)+1
	require.LessOrEqual(a, logged, kinds*(50+seconds)*4096)
	require.LessOrEqual(a, attackedLog.longest.Load(), int64(8192))
	return fmt.Sprintf("%d KiB of log for %d KiB; no line longer than %d B", logged>>10, sent>>10, attackedLog.longest.Load())
}
