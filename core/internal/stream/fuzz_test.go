package stream

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// FuzzFrames gives a table any frames of a peer, with handlers that take, send and leave between them. Nothing panics,
// the memory is bounded, and nothing is left when the connection is over.
func FuzzFrames(f *testing.F) {
	f.Add([]byte{0, 1, 200, 1, 1, 30, 7, 1, 0, 2, 1, 5, 3, 1, 0, 4, 1, 9, 5, 1, 0, 6, 1, 1})
	f.Add([]byte{0, 1, 0, 0, 3, 0, 0, 5, 0, 0, 7, 0, 1, 1, 255, 1, 3, 255, 3, 1, 0, 3, 1, 0})
	f.Fuzz(func(t *testing.T, program []byte) {
		server := newTable(true)
		var streams []*Stream
		for len(program) >= 3 {
			op, id, n := program[0]%10, uint64(program[1]), int(program[2])
			program = program[3:]
			switch op {
			case 0:
				if s, v := server.Accept(&wire.OpenStream{ID: id, Window: uint64(n) << 8}); v == Fine {
					s.Begin(n%2 == 1)
					streams = append(streams, s)
				}
			case 1, 2:
				add := wire.AppendStreamItem
				if op == 2 {
					add = wire.AppendStreamPart
				}
				f, size, _, _ := wire.Next(add(nil, id, make([]byte, n<<6)), 1<<20)
				var rest []byte // more of the same, and then some that do not come whole
				for range len(program) % 4 {
					rest = add(rest, id, make([]byte, n))
				}
				got, err := server.GotItems(f, rest[:max(len(rest)-size%3, 0)], 1<<20)
				if err == nil && got.Verdict == TooBig {
					server.Find(got.ID).Abort(wire.Goodbye{Code: wire.CodeTooBig}, errTest)
				}
			case 3:
				server.GotEnd(id, nil)
			case 4:
				server.GotEnd(id, errTest)
			case 5:
				server.GotCredit(id, uint64(n)<<24+1)
			case 6:
				server.Pull(n<<8, time.Now())
			case 7:
				server.Answered(probeBit|id, time.Now())
			case 8:
				if len(streams) > 0 {
					s := streams[int(id)%len(streams)]
					s.TryNext()                             //nolint:errcheck // any state is right
					s.TrySend(&Item{Rest: make([]byte, n)}) //nolint:errcheck // likewise
				}
			case 9:
				if len(streams) > 0 {
					s := streams[int(id)%len(streams)]
					switch n % 4 {
					case 0:
						s.Finish(wire.Goodbye{}, nil)
					case 1:
						s.Finish(wire.Goodbye{Code: wire.CodeInternal}, errTest)
					case 2:
						s.Stop(wire.Goodbye{Code: wire.CodeClosed}, errTest)
					case 3:
						s.Abort(wire.Goodbye{Code: wire.CodeCanceled}, errTest)
					}
					s.Leave()
				}
			}
			require.GreaterOrEqual(t, server.Held(), 0)
			require.LessOrEqual(t, server.Held(), len(streams)*(streamCost+testLimits.Window+testLimits.MaxItem+maxAhead+2*maxPiece))
		}
		server.End(errTest)
		for _, s := range streams {
			s.Abort(wire.Goodbye{Code: wire.CodeCanceled}, errTest)
			s.Leave()
			select {
			case <-s.Drained():
			default:
				require.Fail(t, "somebody waits for ever")
			}
		}
		require.Zero(t, server.Len())
		require.Zero(t, server.Held())
	})
}
