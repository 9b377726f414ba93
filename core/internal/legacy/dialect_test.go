package legacy

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/wire"
)

var all = []Dialect{V002, V1x, V2x, V30a, Unknown}

// Every dialect does what the interface asks for: messages that it writes come back, and its
// notices can be read.
func TestEveryDialect(t *testing.T) {
	require.Len(t, dialects, len(all)+1)
	for _, d := range all {
		for _, p := range []*Peer{client(d), server(d)} {
			if p.IsServer() && d == Unknown {
				continue
			}
			require.Equal(t, d, p.Dialect())
			frame, err := p.Encode(&Outgoing{Command: "say", Payload: []byte("hello"), As: FormText})
			require.NoError(t, err)
			if d != Unknown { // Unknown is read as 3.0a, and no such frame is written to it
				o, size, ok := p.Sent(frame)
				require.True(t, ok)
				require.Equal(t, len(frame), size)
				require.Equal(t, Outgoing{Command: "say", Payload: []byte("hello")}, o)
			}
			for _, bad := range []string{"", "$a$ b"} {
				if _, err := p.Encode(&Outgoing{Command: bad}); err == nil {
					require.True(t, bad != "" && p.traits().greets)
				}
			}
			frame, err = p.Encode(&Outgoing{Raw: true, Payload: []byte("bytes")})
			if p.traits().greets {
				require.Equal(t, wire.CodeUnsupported, codeOf(err))
			} else {
				require.NoError(t, err)
				o, _, ok := p.Sent(frame)
				require.True(t, ok)
				require.True(t, o.Raw)
			}

			view := &View{Presence: wire.Presence{Name: "ada", Addr: "127.0.0.1:5", Groups: []string{"red"}}}
			come := p.Change(nil, view)
			payload, size, ok, err := classic.Next(come, 0, 1<<20)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, len(come), size)
			who, came, ok, err := classic.ParseNotice(payload)
			require.NoError(t, err)
			require.True(t, ok && came)
			require.Equal(t, view.Presence, shown(who))
			if !p.IsServer() {
				_, _, own := p.Sent(come)
				require.False(t, own, "a notice is none of the program's messages")
			}
			require.Greater(t, len(p.Change(view, view)), len(come), "it goes and comes")
			require.LessOrEqual(t, p.NoticeForm(), MaxForm)
			require.Equal(t, Caps{}, p.Caps())

			require.Equal(t, d == V2x, p.Abbreviates([]byte{0}))
			require.False(t, p.Abbreviates([]byte("a")))
			require.Equal(t, p.IsServer() && d == V002, p.Goodbye() == nil)
			require.Equal(t, !p.IsServer() && d != V002 && d != V1x, p.AliveProbe() != nil)
			require.NotNil(t, p.Record(nil))
			require.NotNil(t, p.Record(view))
		}
	}
}

func codeOf(err error) wire.Code {
	var w *wire.Error
	if !errors.As(err, &w) {
		return wire.CodeNone
	}
	return w.Code
}
