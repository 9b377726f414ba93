//go:build !js

package core_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
)

// A nilError panics when it is asked what it is.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

func TestHandlerReturnsTypedNil(t *testing.T) {
	n := open(t, "tcp")
	s := newScene(t, n, nil, func(s *scene) {
		s.srv.OnBytes("nil", func(context.Context, *core.Conn, []byte) error {
			var e *nilError
			return e
		})
	})
	cl := s.join("ada", n)
	require.NoError(t, cl.SendBytes("nil", nil))
	s.check()
	next(t, s.faults)
}

func TestHandlerPanicsWithBadError(t *testing.T) {
	n := open(t, "tcp")
	s := newScene(t, n, nil, func(s *scene) {
		s.srv.OnBytes("nil", func(context.Context, *core.Conn, []byte) error {
			var e *nilError
			panic(e)
		})
	})
	cl := s.join("ada", n)
	require.NoError(t, cl.SendBytes("nil", nil))
	next(t, s.faults)
	s.check()
}

// A large frame that comes in small pieces costs about what it holds, not a copy for each piece.
func TestLargeFrameInPieces(t *testing.T) {
	over(t, []string{"pipe", "tcp", "ws"}, func(t *testing.T, n *network) {
		const size = 4 << 20
		s := newScene(t, n, &core.ServerOptions{Limits: core.Limits{MaxFrame: size + 100}})
		p := s.hello("slow")
		frame := wire.AppendRaw(nil, make([]byte, size))
		got := allocated(func() {
			for len(frame) > 0 {
				k := min(len(frame), 4<<10)
				p.send(frame[:k])
				frame = frame[k:]
			}
			p.stillThere()
		})
		require.Less(t, got, uint64(10*size))
	})
}

// A client that sends many small commands and reads the larger ones that they cause.
func TestManyCommandsWithLargeEcho(t *testing.T) {
	over(t, []string{"pipe", "tcp", "ws"}, func(t *testing.T, n *network) {
		s := newScene(t, n, nil, func(s *scene) {
			s.srv.OnBytes("say", func(_ context.Context, c *core.Conn, _ []byte) error {
				return c.SendBytes("said", make([]byte, 1<<10))
			})
		})
		const commands = 5000
		said := make(chan struct{}, commands)
		cl := s.join("ada", n, func(cl *core.Client) {
			cl.OnBytes("said", func(context.Context, *core.Conn, []byte) error { said <- struct{}{}; return nil })
		})
		for range commands {
			require.NoError(t, cl.SendBytes("say", nil))
		}
		for range commands {
			next(t, said)
		}
	})
}
