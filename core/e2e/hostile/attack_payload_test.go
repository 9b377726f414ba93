//go:build !js

package hostile_test

import (
	"bytes"
	"context"
	"net/netip"
	"runtime"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
)

// A wide is large in memory and three bytes in a list.
type wide struct{ Fields [66]int64 }

func init() {
	attacks["lists for typed handlers"] = attack{
		more: func(a *arena) {
			core.On(a.srv, "wide", func(context.Context, *core.Conn, []wide) error { a.handled.Add(1); return nil }, core.MaxPayload(4<<10))
			core.Handle(a.srv, "wide", func(context.Context, *core.Conn, []wide) (int, error) { a.handled.Add(1); return 0, nil }, core.MaxPayload(4<<10))
			core.On2(a.srv, "pair", func(context.Context, *core.Conn, int, int) error { a.handled.Add(1); return nil })
		},
		tries: [2]int{10, 1000}, grows: 16 << 10,
		run: listsForHandlers,
	}
	attacks["numbers for typed handlers"] = attack{
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
	}
}

func counts[T any](a *arena) func(context.Context, *core.Conn, T) error {
	return func(context.Context, *core.Conn, T) error { a.handled.Add(1); return nil }
}

// numbersForHandlers sends what looks like numbers, as long as a frame may be.
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

// listsForHandlers sends lists that are as long as a frame may be, to handlers of short ones.
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
