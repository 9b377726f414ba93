package faulty_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
	"github.com/hisock/hisock/transport/faulty"
	"github.com/hisock/hisock/transport/transporttest"
)

// bare is a stream that is neither a [transport.ReadyReader] nor a [transport.Resetter].
type bare struct{ transport.Conn }

// With faults that break no promise of a network, a conn passes the conformance
// suite.
func TestConformance(t *testing.T) {
	tests := map[string]faulty.Script{
		"empty": nil,
		"dribbling": {
			faulty.Read(0, faulty.Dribble(1000)), faulty.Write(0, faulty.Dribble(1500)),
			faulty.Read(2500, faulty.Dribble(3)), faulty.Write(2500, faulty.Dribble(1)),
			faulty.Read(4000, faulty.Dribble(9999)), faulty.Write(4000, faulty.Dribble(0)),
		},
		"delaying": {
			faulty.Read(0, faulty.Delay(time.Millisecond)), faulty.Write(0, faulty.Delay(time.Millisecond)),
			faulty.Read(9, faulty.Delay(time.Microsecond)), faulty.Write(9, faulty.Delay(0)),
			faulty.Read(5000, faulty.Delay(0)),
		},
		"stalling for a time": {
			faulty.Read(0, faulty.Stall(time.Millisecond)), faulty.Write(0, faulty.Stall(time.Millisecond)),
			faulty.Read(1, faulty.Stall(time.Millisecond)), faulty.Write(77, faulty.Stall(time.Millisecond)),
		},
	}
	for name, script := range tests {
		t.Run(name, func(t *testing.T) {
			pipe := func(t *testing.T) (a, b transport.Conn, stop func()) {
				p, q := transport.Pipe()
				a, b = faulty.Wrap(p, script), faulty.Wrap(q, script)
				require.Implements(t, (*transport.ReadyReader)(nil), a)
				return a, b, nil
			}
			transporttest.Run(t, pipe)
			transporttest.RunHalfClose(t, pipe)
		})
	}
	t.Run("over a stream that can do less", func(t *testing.T) {
		transporttest.Run(t, func(t *testing.T) (a, b transport.Conn, stop func()) {
			p, q := transport.Pipe()
			script := tests["dribbling"]
			return faulty.Wrap(bare{p}, script), faulty.Wrap(bare{q}, script), nil
		})
	})
}

func TestListenerConformance(t *testing.T) {
	slow := func(int) faulty.Script { return faulty.Script{faulty.Read(0, faulty.Dribble(2))} }
	transporttest.RunListener(t, func(t *testing.T) (transport.Listener, transport.Dialer, func()) {
		l := transport.NewPipeListener()
		return faulty.Listener(l, slow), faulty.Dialer(l, slow), nil
	})
}

// A resettable counts its resets.
type resettable struct {
	transport.Conn
	resets *int
}

func (r resettable) Reset() error {
	*r.resets++
	return r.Close()
}

func TestWrapKeepsWhatTheStreamCan(t *testing.T) {
	p, q := transport.Pipe()
	defer q.Close()
	resets := 0
	ready := p.(transport.ReadyReader)
	tests := map[string]struct {
		stream            transport.Conn
		canWait, canReset bool
	}{
		"nothing":     {bare{p}, false, false},
		"ReadyReader": {p, true, false},
		"Resetter":    {resettable{p, &resets}, false, true},
		"both": {struct {
			resettable
			transport.ReadyReader
		}{resettable{p, &resets}, ready}, true, true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			c := faulty.Wrap(tc.stream, nil)
			_, canWait := c.(transport.ReadyReader)
			require.Equal(t, tc.canWait, canWait)
			resetter, canReset := c.(transport.Resetter)
			require.Equal(t, tc.canReset, canReset)
			if !canReset {
				return
			}
			before := resets
			require.NoError(t, resetter.Reset())
			require.Equal(t, before+1, resets)
			_, err := c.Read(make([]byte, 1))
			require.ErrorIs(t, err, transport.ErrClosed)
		})
	}
}
