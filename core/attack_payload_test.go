//go:build !js

package core_test

import (
	"bytes"
	"context"
	"runtime"

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
}

// listsForHandlers sends lists that are as long as a frame may be, to handlers of short ones.
func listsForHandlers(a *arena, tries int) string {
	const size = 1<<20 - 100
	many := append(bytes.Repeat([]byte("{},"), size/3), "{}]"...)
	p, _ := a.hello(wire.Hello{})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for id := range uint64(tries) {
		p.send(wire.AppendCommand(nil, "wide", append([]byte("["), many...)))
		p.send(wire.AppendCommand(nil, "pair", append([]byte("[1,2,"), many...)))
		p.send(wire.AppendRequest(nil, id+1, "wide", append([]byte("["), many...)))
		p.wantFailure(id+1, core.CodeTooBig)
	}
	runtime.ReadMemStats(&after)
	a.worst()
	require.Zero(a, a.handled.Load())
	require.Less(a, (after.TotalAlloc-before.TotalAlloc)/uint64(tries), uint64(40<<20), "bytes for three frames of 1 MiB, those of the attacker included")
	p.stillThere()
	return "too big, and the wrong number of values; nothing was converted"
}
