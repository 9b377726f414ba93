package parked

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

func example() *Session {
	in := wire.AppendJoinGroup(wire.AppendRaw(wire.AppendCommand(nil, "say", []byte("hello")), nil), "red")
	out := wire.AppendCancel(wire.AppendFailure(wire.AppendRequest(nil, 1, "sum", []byte("[1]")), 2, wire.Goodbye{Code: wire.CodeConnLost}), 3)
	return &Session{
		ID: []byte("12345678"), Token: []byte("token"), Name: "ada", Groups: []string{"blue", "red"},
		Received: 7, Missed: 1 << 40, Dropped: 2, LastCall: 3, Acked: 4, In: in, Out: out,
	}
}

func TestParse(t *testing.T) {
	for name, s := range map[string]*Session{"full": example(), "empty": {Token: []byte("t")}} {
		t.Run(name, func(t *testing.T) {
			b := Append([]byte("before"), s)[len("before"):]
			require.Len(t, b, Size(s))
			got, ok := Parse(b)
			require.True(t, ok)
			require.Equal(t, b, Append(nil, got))
			require.Equal(t, s.Groups, got.Groups)
			require.Equal(t, s.Received, got.Received)
			for i := range b {
				_, ok := Parse(b[:i])
				require.False(t, ok, "cut to %d bytes", i)
				b[i] ^= 0x10
				_, ok = Parse(b)
				require.False(t, ok, "byte %d is another", i)
				b[i] ^= 0x10
			}
			_, ok = Parse(append(b, 0))
			require.False(t, ok)
		})
	}
}

// A well-sealed session that makes no sense is refused.
func TestParseRefuses(t *testing.T) {
	tests := map[string]func(s *Session){
		"no token":                     func(s *Session) { s.Token = nil },
		"a token that is too long":     func(s *Session) { s.Token = make([]byte, maxID+1) },
		"an id that is too long":       func(s *Session) { s.ID = make([]byte, maxID+1) },
		"half a frame in":              func(s *Session) { s.In = s.In[:len(s.In)-1] },
		"half a frame out":             func(s *Session) { s.Out = s.Out[:len(s.Out)-1] },
		"a frame of no kind":           func(s *Session) { s.Out = []byte{1, 0x7f} },
		"an ack that waits":            func(s *Session) { s.In = wire.AppendAck(nil, 1) },
		"a reply that waits":           func(s *Session) { s.In = wire.AppendReply(nil, 1, nil) },
		"a goodbye that is to be sent": func(s *Session) { s.Out = wire.AppendGoodbye(nil, wire.Goodbye{}) },
	}
	for name, spoil := range tests {
		t.Run(name, func(t *testing.T) {
			s := example()
			spoil(s)
			_, ok := Parse(Append(nil, s))
			require.False(t, ok)
		})
	}
	t.Run("a part that is longer than what is left", func(t *testing.T) {
		b := Append(nil, &Session{Token: []byte("t")})
		b = appendNumber(b[:len(b)-sumSize], 1)
		_, ok := Parse(appendNumber(b, checksum(b)))
		require.False(t, ok)
	})
}

// FuzzParse parses any bytes, sealed or as they are. Append makes the same bytes from an accepted
// session.
func FuzzParse(f *testing.F) {
	f.Add(Append(nil, example()), false)
	f.Add(Append(nil, &Session{Token: []byte("t")}), true)
	f.Add([]byte(head), true)
	f.Fuzz(func(t *testing.T, b []byte, seal bool) {
		if seal {
			b = appendNumber(b[:len(b):len(b)], checksum(b))
		}
		s, ok := Parse(b)
		if !ok {
			return
		}
		require.Equal(t, b, Append(nil, s))
		require.Len(t, b, Size(s))
		for rest := s.Out; len(rest) > 0; {
			var f wire.Frame
			f, _, rest = Next(rest)
			require.True(t, f.Kind.Counted())
		}
	})
}
