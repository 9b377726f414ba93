//go:build !js

package hostile_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// A frame that a newcomer announces costs nothing before its bytes have come.
func TestHugeHelloIsNotAllocated(t *testing.T) {
	harness.Over(t, []string{"pipe", "tcp", "ws"}, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil)
		const newcomers = 32
		got := coretest.Allocated(func() {
			for range newcomers {
				p := n.Raw(t)
				p.Send(coretest.Preface(binary.AppendUvarint(nil, 1<<30)), []byte{byte(wire.KindHello)})
				p.WantRefuse(core.CodeTooBig, "exceeds limit 8192 B")
				s.WantRefused(core.CodeTooBig, "")
			}
		})
		require.Less(t, got, uint64(newcomers*512<<10))
		s.Check()
		s.WantQuiet()
	})
}

// A frame within a client's limit costs as much as the bytes of it that have come, not as much as
// it announces.
func TestHugeFrameIsNotAllocated(t *testing.T) {
	harness.Over(t, []string{"pipe", "tcp", "ws"}, func(t *testing.T, n *harness.Network) {
		const clients, announced = 16, 64 << 20
		s := harness.NewScene(t, n, &core.ServerOptions{Limits: core.Limits{MaxFrame: announced}})
		var peers []*coretest.Peer
		got := coretest.Allocated(func() {
			for range clients {
				p := s.Hello("mallory")
				p.Send(binary.AppendUvarint(nil, announced), []byte{byte(wire.KindRaw)}, make([]byte, 20<<10))
				peers = append(peers, p)
			}
			s.Check()
			for _, p := range peers {
				require.NoError(t, p.Stream.CloseWrite())
				s.WantLeft("mallory", core.CodeConnLost)
				p.WantEnd()
			}
		})
		require.Less(t, got, uint64(clients*announced/8))
		s.Check()
		s.WantQuiet()
	})
}

// The error hook is told of each of thousands of commands that nobody handles. The connection and
// other clients go on.
func TestFloodOfUnknownCommands(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil)
		p := s.Hello("mallory")
		const flood = 3000
		var b []byte
		for range flood / 100 {
			b = b[:0]
			for range 100 {
				b = wire.AppendCommand(b, "nobody takes this", []byte("\x1b[31m"))
			}
			p.Send(b)
		}
		s.Check()
		for range flood {
			require.Equal(t, core.CodeUnknownCommand, core.CodeOf(coretest.Next(t, s.Faults).Err))
		}
		p.StillThere()
		s.Check()
		s.WantQuiet()
	})
}

// A flood of pings is answered with the latest nonce, not with a heap of answers. Pongs without a
// ping are skipped.
func TestFloodOfPings(t *testing.T) {
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, &core.ServerOptions{Limits: core.Limits{QueueBytes: 16 << 10}})
		p := s.Hello("mallory")
		const flood = 10000
		var b []byte
		for i := range uint64(flood) {
			b = wire.AppendPing(b, i+1)
			b = wire.AppendPong(b, i)
			b = wire.AppendReply(b, i, []byte("garbage"))
			b = wire.AppendCancel(b, i)
			b = wire.AppendFailure(b, i, wire.Goodbye{Code: core.CodeInternal, Reason: "garbage"})
		}
		p.Send(b)
		s.Check()
		pongs := 0
		for last := uint64(0); last != flood; pongs++ {
			nonce, err := wire.ParseNonce(p.WantKind(wire.KindPong).Body)
			require.NoError(t, err)
			require.Greater(t, nonce, last)
			last = nonce
		}
		require.Less(t, pongs, flood)
		p.StillThere()
		s.Check()
		s.WantQuiet()
	})
}

// A client that is sent much and reads nothing is disconnected. Other clients go on.
func TestClientThatDoesNotRead(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, &core.ServerOptions{Limits: core.Limits{QueueBytes: 1 << 20}, Timeouts: core.Timeouts{Close: 100 * time.Millisecond}})
		p := s.Hello("mallory")
		c, err := s.Server.Client("mallory")
		require.NoError(t, err)
		for err == nil { // until sockets and queue are full
			err = c.SendBytes("blob", make([]byte, 60<<10))
		}
		require.Equal(t, core.CodeSlowConsumer.String(), core.CodeOf(err).String())
		s.WantFault(core.CodeSlowConsumer, "wait to be written, limit 1048576 B")
		s.Check()
		s.WantLeft("mallory", core.CodeSlowConsumer)
		require.Equal(t, core.CodeSlowConsumer, core.CodeOf(c.Send("late", 1)))
		p.Stream.Close()
		s.Check()
		s.WantQuiet()
	})
}

// A client that makes many calls and does not read the answers is not read any further. It is
// disconnected when nothing could be written for too long.
func TestFloodOfCallsWithoutReading(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, &core.ServerOptions{
			Limits: core.Limits{InboxBytes: 64 << 10}, Timeouts: core.Timeouts{Write: 500 * time.Millisecond, Close: 100 * time.Millisecond},
		})
		p := s.Hello("mallory")
		request := wire.AppendRequest(nil, 1, "echo", bytes.Repeat([]byte("x"), 60<<10))
		sent := make(chan error, 1)
		go func() {
			for {
				if _, err := p.Stream.Write(request); err != nil {
					sent <- err
					return
				}
			}
		}()
		s.WantFault(core.CodeWriteTimeout, "nothing could be written")
		s.Check()
		require.Error(t, coretest.Next(t, sent), "the stream is cut")
		s.WantLeft("mallory", core.CodeWriteTimeout)
		s.Check()
		s.WantQuiet()
	})
}

// A second call with an id that is in use ends the connection. The first call is given up.
func TestDuplicateCallID(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		ended := make(chan error, 2)
		s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
			s.Server.HandleBytes("wait", func(ctx context.Context, _ *core.Conn, _ []byte) ([]byte, error) {
				<-ctx.Done()
				ended <- ctx.Err()
				return nil, ctx.Err()
			}, core.Concurrent())
		})
		p := s.Hello("mallory")
		p.Send(wire.AppendRequest(nil, 9, "wait", nil))
		p.Send(wire.AppendRequest(nil, 10, "wait", nil))
		p.Send(wire.AppendRequest(nil, 9, "echo", nil))
		p.WantGoodbye(core.CodeProtocol, "id of a call that is not answered yet")
		s.WantFault(core.CodeProtocol, "id of a call")
		s.WantLeft("mallory", core.CodeProtocol)
		for range 2 {
			require.ErrorIs(t, coretest.Next(t, ended), context.Canceled)
		}
		s.Check()
		s.WantQuiet()
	})
}

// An id may be used again once its call has been answered or given up.
func TestReusedCallID(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil)
		p := s.Hello("ada")
		for range 3 {
			p.Send(wire.AppendRequest(nil, 9, "echo", []byte("again")))
			require.Equal(t, "again", p.WantReply(9))
		}
		s.WantQuiet()
	})
}

// Raw messages that nobody receives are kept up to a bound and then dropped, one by one.
func TestFloodOfRawMessages(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil)
		p := s.Hello("mallory")
		message := wire.AppendRaw(nil, make([]byte, 10<<10))
		for range 40 { // 400 KiB; 256 KiB are kept
			p.Send(message)
		}
		p.StillThere()
		dropped := len(s.Faults)
		require.Greater(t, dropped, 5)
		require.Less(t, dropped, 40)
		for range dropped {
			s.WantFault(core.CodeTooBig, "raw message dropped")
		}
		s.Check()
		s.WantQuiet()
	})
}

// A large frame that comes in small pieces costs about its own size, not a copy for each piece.
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

// A client sends many small commands and reads the larger commands that they cause: none is lost.
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
