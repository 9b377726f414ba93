//go:build !js

package hostile_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
)

func init() {
	attacks["writes the log"] = attack{
		opts: core.ServerOptions{Logger: slog.New(slog.NewJSONHandler(attackedLog, &slog.HandlerOptions{Level: slog.LevelWarn}))},
		more: func(a *arena) {
			core.On(a.srv, "time", func(context.Context, *core.Conn, time.Time) error { return nil })
			a.srv.OnBytes("panic", func(context.Context, *core.Conn, []byte) error { panic("as asked") })
		},
		tries: [2]int{10, 200}, grows: 16 << 10,
		run: writeLog,
	}
}

// attackedLog counts what is written into it.
var attackedLog = new(countedLog)

type countedLog struct{ bytes, longest atomic.Int64 }

func (l *countedLog) Write(p []byte) (int, error) {
	l.bytes.Add(int64(len(p)))
	for n := l.longest.Load(); int64(len(p)) > n && !l.longest.CompareAndSwap(n, int64(len(p))); n = l.longest.Load() {
	}
	return len(p), nil
}

// writeLog makes a server log as much as it will: what nobody handles, what does not convert, what
// panics, and what is not let in.
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
