//go:build !js

package core_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
)

// allocated is how many bytes all that happens allocates while f runs.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// What a newcomer announces costs nothing before it has come.
func TestHugeHelloIsNotAllocated(t *testing.T) {
	over(t, []string{"pipe", "tcp", "ws"}, func(t *testing.T, n *network) {
		s := newScene(t, n, nil)
		const newcomers = 32
		got := allocated(func() {
			for range newcomers {
				p := n.raw(t)
				p.send(preface(binary.AppendUvarint(nil, 1<<30)), []byte{byte(wire.KindHello)})
				p.wantRefuse(core.CodeTooBig, "exceeds limit 8192 B")
				s.wantRefused(core.CodeTooBig, "")
			}
		})
		require.Less(t, got, uint64(newcomers*512<<10))
		s.check()
		s.wantQuiet()
	})
}

// What a client announces within its limit costs as much as has come, not more.
func TestHugeFrameIsNotAllocated(t *testing.T) {
	over(t, []string{"pipe", "tcp", "ws"}, func(t *testing.T, n *network) {
		const clients, announced = 16, 64 << 20
		s := newScene(t, n, &core.ServerOptions{Limits: core.Limits{MaxFrame: announced}})
		var peers []*peer
		got := allocated(func() {
			for range clients {
				p := s.hello("mallory")
				p.send(binary.AppendUvarint(nil, announced), []byte{byte(wire.KindRaw)}, make([]byte, 20<<10))
				peers = append(peers, p)
			}
			s.check()
			for _, p := range peers {
				require.NoError(t, p.stream.CloseWrite())
				s.wantLeft("mallory", core.CodeConnLost)
				p.wantEnd()
			}
		})
		require.Less(t, got, uint64(clients*announced/8))
		s.check()
		s.wantQuiet()
	})
}

// Thousands of commands that nobody handles are thousands of lines in a log, and no more.
func TestFloodOfUnknownCommands(t *testing.T) {
	over(t, sockets, func(t *testing.T, n *network) {
		s := newScene(t, n, nil)
		p := s.hello("mallory")
		const flood = 3000
		var b []byte
		for range flood / 100 {
			b = b[:0]
			for range 100 {
				b = wire.AppendCommand(b, "nobody takes this", []byte("\x1b[31m"))
			}
			p.send(b)
		}
		s.check()
		for range flood {
			require.Equal(t, core.CodeUnknownCommand, core.CodeOf(next(t, s.faults).err))
		}
		p.stillThere()
		s.check()
		s.wantQuiet()
	})
}

// Pings are answered with the latest that was asked, not with a heap of answers; answers to
// nothing are skipped.
func TestFloodOfPings(t *testing.T) {
	each(t, func(t *testing.T, n *network) {
		s := newScene(t, n, &core.ServerOptions{Limits: core.Limits{QueueBytes: 16 << 10}})
		p := s.hello("mallory")
		const flood = 10000
		var b []byte
		for i := range uint64(flood) {
			b = wire.AppendPing(b, i+1)
			b = wire.AppendPong(b, i)
			b = wire.AppendReply(b, i, []byte("garbage"))
			b = wire.AppendCancel(b, i)
			b = wire.AppendFailure(b, i, wire.Goodbye{Code: core.CodeInternal, Reason: "garbage"})
		}
		p.send(b)
		s.check()
		pongs := 0
		for last := uint64(0); last != flood; pongs++ {
			nonce, err := wire.ParseNonce(p.wantKind(wire.KindPong).Body)
			require.NoError(t, err)
			require.Greater(t, nonce, last)
			last = nonce
		}
		require.Less(t, pongs, flood)
		p.stillThere()
		s.check()
		s.wantQuiet()
	})
}

// A client that is sent much and reads nothing is disconnected; others go on.
func TestClientThatDoesNotRead(t *testing.T) {
	over(t, sockets, func(t *testing.T, n *network) {
		s := newScene(t, n, &core.ServerOptions{Limits: core.Limits{QueueBytes: 1 << 20}, Timeouts: core.Timeouts{Close: 100 * time.Millisecond}})
		p := s.hello("mallory")
		c, err := s.srv.Client("mallory")
		require.NoError(t, err)
		for err == nil { // until sockets and queue are full
			err = c.SendBytes("blob", make([]byte, 60<<10))
		}
		require.Equal(t, core.CodeSlowConsumer.String(), core.CodeOf(err).String())
		s.wantFault(core.CodeSlowConsumer, "wait to be written, limit 1048576 B")
		s.check()
		s.wantLeft("mallory", core.CodeSlowConsumer)
		require.Equal(t, core.CodeSlowConsumer, core.CodeOf(c.Send("late", 1)))
		p.stream.Close()
		s.check()
		s.wantQuiet()
	})
}

// A client that asks much and does not read the answers is read from no more, and disconnected
// when nothing could be written for too long.
func TestFloodOfCallsWithoutReading(t *testing.T) {
	over(t, sockets, func(t *testing.T, n *network) {
		s := newScene(t, n, &core.ServerOptions{
			Limits: core.Limits{InboxBytes: 64 << 10}, Timeouts: core.Timeouts{Write: 500 * time.Millisecond, Close: 100 * time.Millisecond},
		})
		p := s.hello("mallory")
		request := wire.AppendRequest(nil, 1, "echo", bytes.Repeat([]byte("x"), 60<<10))
		sent := make(chan error, 1)
		go func() {
			for {
				if _, err := p.stream.Write(request); err != nil {
					sent <- err
					return
				}
			}
		}()
		s.wantFault(core.CodeWriteTimeout, "nothing could be written")
		s.check()
		require.Error(t, next(t, sent), "the stream is cut")
		s.wantLeft("mallory", core.CodeWriteTimeout)
		s.check()
		s.wantQuiet()
	})
}

// An id that is in use is not taken twice. The first call is given up with the connection.
func TestDuplicateCallID(t *testing.T) {
	over(t, sockets, func(t *testing.T, n *network) {
		ended := make(chan error, 2)
		s := newScene(t, n, nil, func(s *scene) {
			s.srv.HandleBytes("wait", func(ctx context.Context, _ *core.Conn, _ []byte) ([]byte, error) {
				<-ctx.Done()
				ended <- ctx.Err()
				return nil, ctx.Err()
			}, core.Concurrent())
		})
		p := s.hello("mallory")
		p.send(wire.AppendRequest(nil, 9, "wait", nil))
		p.send(wire.AppendRequest(nil, 10, "wait", nil))
		p.send(wire.AppendRequest(nil, 9, "echo", nil))
		p.wantGoodbye(core.CodeProtocol, "id of one that is not answered yet")
		s.wantFault(core.CodeProtocol, "id of one")
		s.wantLeft("mallory", core.CodeProtocol)
		for range 2 {
			require.ErrorIs(t, next(t, ended), context.Canceled)
		}
		s.check()
		s.wantQuiet()
	})
}

// An id may come again when its call has been answered or given up.
func TestReusedCallID(t *testing.T) {
	over(t, sockets, func(t *testing.T, n *network) {
		s := newScene(t, n, nil)
		p := s.hello("ada")
		for range 3 {
			p.send(wire.AppendRequest(nil, 9, "echo", []byte("again")))
			require.Equal(t, "again", p.wantReply(9))
		}
		s.wantQuiet()
	})
}

// Raw messages that nobody receives are kept up to a bound and then dropped, one by one.
func TestFloodOfRawMessages(t *testing.T) {
	over(t, sockets, func(t *testing.T, n *network) {
		s := newScene(t, n, nil)
		p := s.hello("mallory")
		message := wire.AppendRaw(nil, make([]byte, 10<<10))
		for range 40 { // 400 KiB, of which 256 KiB are kept
			p.send(message)
		}
		p.stillThere()
		dropped := len(s.faults)
		require.Greater(t, dropped, 5)
		require.Less(t, dropped, 40)
		for range dropped {
			s.wantFault(core.CodeTooBig, "raw message dropped")
		}
		s.check()
		s.wantQuiet()
	})
}
