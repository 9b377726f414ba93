//go:build !js

package core

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/relay"
	"github.com/hisock/hisock/core/wire"
)

// A stream that begins and ends while the publisher is at work for its line is opened for the other node before it ends there.
func TestLineOpensAStreamBeforeItsFrames(t *testing.T) {
	for name, end := range map[string]func(l *nodeLine, conn uint64) error{
		"with its end": func(l *nodeLine, conn uint64) error {
			s, _, err := l.open(conn, "count", nil, streamKind{})
			if err == nil && s.SendNow([]byte("item")) {
				s.Finish(wire.Goodbye{}, nil)
			}
			return err
		},
		"at once": func(l *nodeLine, conn uint64) error {
			s, _, err := l.open(conn, "count", nil, streamKind{})
			if err == nil {
				s.Abort(wire.Goodbye{Code: CodeCanceled}, errGivenUp)
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			var o ServerOptions
			o.Cluster.Relay = struct{ Relay }{} // nobody joins it: the server does not serve, and the test is its publisher
			srv, err := NewServer(&o)
			require.NoError(t, err)
			k := srv.cluster
			l := k.newLine(k.self+1, true)
			require.NotNil(t, k.lines.Begin(l.at))
			k.lines.Due(l.at)
			for conn := range uint64(3) {
				turn, ok := k.lines.Next()
				require.True(t, ok)
				require.NoError(t, end(l, conn))
				l.flush(turn)
			}
			opened := map[uint64]bool{}
			ended := 0
			for _, m := range k.queue.Take(1<<20, nil) {
				_, body, fault := relay.ParseHead(m.Payload)
				require.Equal(t, relay.None, fault)
				got, fault := relay.ParseStreams(body)
				require.Equal(t, relay.None, fault)
				for rest := got.Frames; len(rest) > 0; {
					f, n, ok, err := wire.Next(rest, len(rest))
					require.NoError(t, err)
					require.True(t, ok)
					rest = rest[n:]
					switch f.Kind {
					case wire.KindStream:
						s, err := wire.ParseStream(f.Body)
						require.NoError(t, err)
						opened[s.ID] = true
					case wire.KindStreamItem:
						id, _, err := wire.ParseStreamItem(f.Body)
						require.NoError(t, err)
						require.True(t, opened[id], "an item")
					case wire.KindStreamEnd:
						id, _, err := wire.ParseStreamEnd(f.Body)
						require.NoError(t, err)
						require.True(t, opened[id], "an end")
						ended++
					}
				}
			}
			require.Equal(t, 3, ended)
		})
	}
}
