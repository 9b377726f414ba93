//go:build !js

package hostile_test

import (
	"context"
	"io"
	"iter"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// serveStreams registers streams that take everything, take nothing, and send without end.
func serveStreams(a *arena) {
	core.HandleUpload(a.srv, "take", func(_ context.Context, _ *core.Conn, _ struct{}, items iter.Seq2[[]byte, error]) (n int, _ error) {
		for _, err := range items {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	})
	core.HandleByteStream(a.srv, "idle", func(ctx context.Context, _ *core.Conn, _ struct{}, _ *core.ByteStream) error {
		<-ctx.Done()
		return ctx.Err()
	})
	core.HandleByteStream(a.srv, "endless", func(_ context.Context, _ *core.Conn, _ struct{}, s *core.ByteStream) error {
		_, err := io.Copy(s, zeros{})
		return err
	})
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

// until reads frames up to the first of that kind.
func until(a *arena, p *coretest.Peer, k wire.Kind) {
	for {
		f, err := p.Frame(0)
		require.NoError(a, err)
		if f.Kind == k {
			return
		}
	}
}

func openStream(id, window uint64, name string) []byte {
	return wire.AppendStream(nil, &wire.OpenStream{ID: id, Window: window, Name: []byte(name)})
}

// breaks returns an attack that breaks the protocol with the frames each time.
func breaks(frames ...[]byte) attack {
	return attack{
		more: serveStreams, tries: [2]int{20, 1000}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			for range tries {
				p, _ := a.hello(wire.Hello{})
				for _, f := range frames {
					p.Tell(f)
				}
				until(a, p, wire.KindGoodbye)
				require.NoError(a, p.Stream.Close())
				a.leaves(core.CodeProtocol)
			}
			a.worst()
			return "disconnected: protocol error"
		},
	}
}

var streamAttacks = map[string]attack{
	"items without credit":         breaks(openStream(1, 0, "idle"), wire.AppendStreamItem(nil, 1, make([]byte, 300<<10))),
	"credit that overflows":        breaks(openStream(1, 1, "idle"), wire.AppendStreamCredit(nil, 1, wire.MaxStreamCredit)),
	"a stream with an id in use":   breaks(openStream(1, 0, "idle"), openStream(1, 0, "idle")),
	"a stream with a server's id":  breaks(openStream(2, 0, "idle")),
	"items after the end":          breaks(openStream(1, 0, "idle"), wire.AppendStreamEnd(nil, 1, wire.Goodbye{}), wire.AppendStreamItem(nil, 1, nil)),
	"a stream that is ended twice": breaks(openStream(1, 0, "idle"), wire.AppendStreamEnd(nil, 1, wire.Goodbye{}), wire.AppendStreamEnd(nil, 1, wire.Goodbye{})),
	"frames of streams that are not there": {
		more: serveStreams, tries: [2]int{2000, 200_000}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			p, _ := a.hello(wire.Hello{})
			p.Tell(openStream(1, 0, "idle"))
			p.Tell(wire.AppendStreamEnd(nil, 1, wire.Goodbye{Code: core.CodeCanceled}))
			for i := range uint64(tries) {
				p.Tell(wire.AppendStreamItem(nil, i%5, make([]byte, 100)))
				p.Tell(wire.AppendStreamEnd(nil, i%7, wire.Goodbye{Code: core.CodeCanceled}))
				p.Tell(wire.AppendStreamCredit(nil, i%9, 1000))
			}
			p.Tell(wire.AppendPing(nil, 5))
			until(a, p, wire.KindPong)
			a.worst()
			require.NoError(a, p.Stream.Close())
			a.leaves(core.CodeConnLost)
			return "nothing"
		},
	},
	"streams that are opened and left": {
		more: serveStreams, tries: [2]int{1000, 10_000}, grows: 32 << 10,
		run: func(a *arena, tries int) string {
			p, _ := a.hello(wire.Hello{})
			refused := make(chan int, 1)
			go func() {
				n := 0
				for {
					f, err := p.Frame(0)
					if err != nil || f.Kind == wire.KindReply {
						refused <- n
						return
					}
					if f.Kind == wire.KindStreamEnd {
						n++
					}
				}
			}()
			for i := range uint64(tries) {
				p.Tell(openStream(2*i+1, 1<<20, "idle"))
				p.Tell(wire.AppendStreamItem(nil, 2*i+1, make([]byte, 15<<10)))
			}
			p.Tell(wire.AppendRequest(nil, 1, "echo", nil)) // the answer comes after the refusal
			require.Equal(a, tries-128, coretest.Next(a.T, refused))
			a.worst()
			require.NoError(a, p.Stream.Close())
			a.leaves(core.CodeConnLost)
			return "128 streams until it goes; the others too many"
		},
	},
	"items of nothing to a stream that takes nothing": {
		more: serveStreams, tries: [2]int{64, 512}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			p, _ := a.hello(wire.Hello{})
			p.Tell(openStream(1, 0, "idle"))
			for range tries { // the initial credit
				p.Tell(wire.AppendStreamItem(nil, 1, nil))
			}
			a.worst()
			for range 20_000 {
				p.Tell(wire.AppendStreamItem(nil, 1, nil))
			}
			until(a, p, wire.KindGoodbye)
			require.NoError(a, p.Stream.Close())
			a.leaves(core.CodeProtocol)
			return "its window, then disconnected: protocol error"
		},
	},
	"a peer that grants nothing": {
		more: serveStreams, tries: [2]int{100, 128}, grows: 32 << 10,
		run: func(a *arena, tries int) string {
			p, _ := a.hello(wire.Hello{})
			for i := range uint64(tries) {
				p.Tell(openStream(2*i+1, 0, "endless"))
			}
			p.Tell(wire.AppendPing(nil, 5))
			until(a, p, wire.KindPong)
			a.worst()
			require.NoError(a, p.Stream.Close())
			a.leaves(core.CodeConnLost)
			return "streams that wait until it goes"
		},
	},
	"a peer that grants a byte at a time": {
		more: serveStreams, tries: [2]int{5000, 500_000}, grows: 16 << 10,
		run: func(a *arena, tries int) string {
			p, _ := a.hello(wire.Hello{})
			p.Tell(openStream(1, 0, "endless"))
			frames := make(chan int, 1)
			go func() {
				n := 0
				for {
					f, err := p.Frame(0)
					switch {
					case err != nil || f.Kind == wire.KindPong:
						frames <- n
						return
					case f.Kind == wire.KindStreamItem:
						n++
					}
				}
			}()
			for range tries {
				p.Tell(wire.AppendStreamCredit(nil, 1, 1))
			}
			p.Tell(wire.AppendPing(nil, 5))
			require.LessOrEqual(a, coretest.Next(a.T, frames), tries/1000+1)
			a.worst()
			require.NoError(a, p.Stream.Close())
			a.leaves(core.CodeConnLost)
			return "an item for each 1,056 frames that it sends"
		},
	},
}
