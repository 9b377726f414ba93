package core

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A peer that has been refused or ended is not read for long if it goes on sending as fast as it
// can.
func TestReadPastTheEnd(t *testing.T) {
	tests := map[string]struct {
		hello *wire.Hello
		end   func(c *Conn)
	}{
		"refused":           {hello: &wire.Hello{Name: "ada\n"}},
		"ended for a fault": {hello: &wire.Hello{}, end: func(c *Conn) { c.endWith(NewError(CodeRateLimit, "")) }},
		"ended in order":    {hello: &wire.Hello{}, end: func(c *Conn) { c.Close() }},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Timeouts: Timeouts{Close: time.Minute}}, func(w *world) {
				w.serve()
				p := w.peer()
				p.Send(wire.AppendHello([]byte(wire.Preface), tc.hello))
				synctest.Wait()
				if tc.end != nil {
					tc.end(first(w))
				}
				start := time.Now()
				require.Less(t, flood(p.Stream, 16<<20), 1<<20)
				require.Zero(t, time.Since(start))
				synctest.Wait()
				require.Zero(t, w.srv.Len())
			})
		})
	}
}

// flood writes until a write fails or most bytes are written, and returns the number of bytes.
func flood(stream transport.Conn, most int) int {
	junk := make([]byte, 16<<10)
	written := 0
	for written < most {
		n, err := stream.Write(junk)
		written += n
		if err != nil {
			break
		}
	}
	return written
}
