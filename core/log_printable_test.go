package core

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// An error of a handler that repeats a peer's bytes cannot forge a line of the log, or control the
// terminal that shows it.
func TestLogOfHandlerErrorIsPrintable(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		say := func(payload []byte) error { return errors.New("bad " + string(payload)) }
		w.srv.OnBytes("command", func(_ context.Context, _ *Conn, b []byte) error { return say(b) })
		w.srv.HandleBytes("call", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { return nil, say(b) })
		w.srv.OnBytes("panic with error", func(_ context.Context, _ *Conn, b []byte) error { panic(say(b)) })
		w.srv.OnBytes("panic with text", func(_ context.Context, _ *Conn, b []byte) error { panic(string(b)) })
		w.serve()
		p := w.hello(&wire.Hello{})
		payload := []byte("a\nINFO forged\x1b[31m")
		p.Send(wire.AppendRequest(nil, 1, "call", payload))
		for _, command := range []string{"command", "panic with error", "panic with text"} {
			p.Send(wire.AppendCommand(nil, command, payload))
		}
		synctest.Wait()
		said := 0
		for _, line := range w.log.Lines() {
			require.NotContains(t, line, "\nINFO")
			require.NotContains(t, line, "\x1b")
			if strings.Contains(line, "forged") {
				said++
			}
		}
		require.GreaterOrEqual(t, said, 4, "each is logged")
		require.NoError(t, p.Stream.Close())
	})
}

// Bad bytes in a peer's name never reach the log unescaped.
func TestLogIsPrintable(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		evil := "x\x1b[2Jy\r\nERROR all is lost \u2028 \xff"
		p := w.hello(&wire.Hello{Name: "p"})
		p.Send(wire.AppendCommand(nil, evil, nil))
		p.Send(wire.AppendRequest(nil, 1, evil, nil))
		p.Send(wire.AppendAsk(nil, wire.KindAskJoin, 2, "a\nb"))
		require.Equal(t, wire.KindFailure, p.Want().Kind)
		require.Equal(t, wire.KindFailure, p.Want().Kind)
		p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: 1234, Reason: "a\x1bb\u2028"}))
		q := w.peer()
		q.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{Name: "a\nb"}))
		require.Equal(t, wire.KindRefuse, q.Want().Kind)
		q.Stream.Close() //nolint:errcheck // it is over
		synctest.Wait()
		p.Stream.Close() //nolint:errcheck // it is over
		synctest.Wait()
		log := w.log.Lines()
		require.GreaterOrEqual(t, len(log), 2)
		for _, l := range log {
			require.False(t, strings.ContainsFunc(l, func(r rune) bool { return r < 0x20 || r == 0x7f || r == 0x2028 || r == 0xfffd }), "%q", l)
		}
	})
}
