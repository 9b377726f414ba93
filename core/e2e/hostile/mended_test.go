//go:build !js

package hostile_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// A nilError panics when it is asked what it is.
type nilError struct{ text string }

func (e *nilError) Error() string { return e.text }

func TestHandlerReturnsTypedNil(t *testing.T) {
	n := harness.Open(t, "tcp")
	s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
		s.Server.OnBytes("nil", func(context.Context, *core.Conn, []byte) error {
			var e *nilError
			return e
		})
	})
	cl := s.Join("ada", n)
	require.NoError(t, cl.SendBytes("nil", nil))
	s.Check()
	coretest.Next(t, s.Faults)
}

func TestHandlerPanicsWithBadError(t *testing.T) {
	n := harness.Open(t, "tcp")
	s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
		s.Server.OnBytes("nil", func(context.Context, *core.Conn, []byte) error {
			var e *nilError
			panic(e)
		})
	})
	cl := s.Join("ada", n)
	require.NoError(t, cl.SendBytes("nil", nil))
	coretest.Next(t, s.Faults)
	s.Check()
}

// A large frame that comes in small pieces costs about what it holds, not a copy for each piece.
func TestLargeFrameInPieces(t *testing.T) {
	harness.Over(t, []string{"pipe", "tcp", "ws"}, func(t *testing.T, n *harness.Network) {
		const size = 4 << 20
		s := harness.NewScene(t, n, &core.ServerOptions{Limits: core.Limits{MaxFrame: size + 100}})
		p := s.Hello("slow")
		frame := wire.AppendRaw(nil, make([]byte, size))
		got := coretest.Allocated(func() {
			for len(frame) > 0 {
				k := min(len(frame), 4<<10)
				p.Send(frame[:k])
				frame = frame[k:]
			}
			p.StillThere()
		})
		require.Less(t, got, uint64(10*size))
	})
}

// A client that sends many small commands and reads the larger ones that they cause.
func TestManyCommandsWithLargeEcho(t *testing.T) {
	harness.Over(t, []string{"pipe", "tcp", "ws"}, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
			s.Server.OnBytes("say", func(_ context.Context, c *core.Conn, _ []byte) error {
				return c.SendBytes("said", make([]byte, 1<<10))
			})
		})
		const commands = 5000
		said := make(chan struct{}, commands)
		cl := s.Join("ada", n, func(cl *core.Client) {
			cl.OnBytes("said", func(context.Context, *core.Conn, []byte) error { said <- struct{}{}; return nil })
		})
		for range commands {
			require.NoError(t, cl.SendBytes("say", nil))
		}
		for range commands {
			coretest.Next(t, said)
		}
	})
}
