//go:build !js

package hostile_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

type point struct{ X, Y int }

// An upper refuses every text with an error that quotes the peer.
type upper string

func (u *upper) UnmarshalText(b []byte) error { return errors.New("I do not like " + string(b)) }

// A payload that does not convert is told to the caller of a call, and to the error hook for a command.
// The handler does not run, and the connection goes on.
func TestPayloadThatDoesNotConvert(t *testing.T) {
	tests := map[string]struct {
		command string
		payload string
	}{
		"int of letters":      {"int", "twelve"},
		"int of nothing":      {"int", ""},
		"int too large":       {"int", "9223372036854775808"},
		"int with escapes":    {"int", coretest.Nasty["escape sequence"]},
		"int not in UTF-8":    {"int", coretest.Nasty["not UTF-8"]},
		"long int":            {"int", coretest.EveryNasty()},
		"byte too large":      {"uint8", "256"},
		"float of letters":    {"float64", "1.5 apples"},
		"bool of letters":     {"bool", "\u2028"},
		"text not in UTF-8":   {"string", coretest.Nasty["not UTF-8"]},
		"half a character":    {"string", coretest.Nasty["half a character"]},
		"JSON cut short":      {"point", `{"X":1`},
		"JSON of a wrong key": {"point", `{"X":"one\n"}`},
		"JSON with escapes":   {"point", coretest.EveryNasty()},
		"JSON of nothing":     {"point", ""},
		"own conversion":      {"upper", coretest.EveryNasty()},
	}
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
			takes[int](s, "int")
			takes[uint8](s, "uint8")
			takes[float64](s, "float64")
			takes[bool](s, "bool")
			takes[string](s, "string")
			takes[point](s, "point")
			takes[upper](s, "upper")
		})
		p := s.Hello("mallory")
		for name, tc := range tests {
			t.Run(name, func(t *testing.T) {
				p.T = t
				p.Send(wire.AppendCommand(nil, tc.command, []byte(tc.payload)))
				f := s.WantFault(core.CodeBadPayload, "payload")
				require.Equal(t, "mallory", f.Conn.Name())
				p.Send(wire.AppendRequest(nil, 5, tc.command, []byte(tc.payload)))
				coretest.RequireLoggable(t, p.WantFailure(5, core.CodeBadPayload))
				p.StillThere()
				s.Check()
				s.WantQuiet()
			})
		}
		cl := s.Join("ada", n)
		_, err := core.Call[int](s.Ctx, cl, "int", "no number")
		require.Equal(t, core.CodeBadPayload, core.CodeOf(err))
		require.True(t, core.IsRemote(err))
		_, err = core.Call[int](s.Ctx, cl, "echo", "no number")
		require.Equal(t, core.CodeBadPayload, core.CodeOf(err))
		require.False(t, core.IsRemote(err), "the answer does not convert here")
		s.WantQuiet()
	})
}

func takes[T any](s *harness.Scene, name string) {
	core.On(s.Server, name, func(context.Context, *core.Conn, T) error { return errors.New("a handler ran") })
	core.Handle(s.Server, name, func(context.Context, *core.Conn, T) (string, error) { return "a handler ran", nil })
}

// panics returns values with which a handler may panic.
func panics() map[string]any {
	return map[string]any{
		"text":    "no way\n" + coretest.EveryNasty(),
		"error":   errors.New(coretest.EveryNasty()),
		"wrapped": fmt.Errorf("no way: %w", core.NewError(core.CodeApplication, coretest.EveryNasty())),
		"struct":  point{1, 2},
		"nil":     nil,
	}
}

// A handler that panics costs one answer. The stack stays at its end, and the connection goes on.
func TestHandlerPanics(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		for name, v := range panics() {
			t.Run(name, func(t *testing.T) {
				n := harness.Open(t, n.Name)
				s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
					s.Server.OnBytes("now", func(context.Context, *core.Conn, []byte) error { panic(v) })
					s.Server.HandleBytes("now", func(context.Context, *core.Conn, []byte) ([]byte, error) { panic(v) })
					s.Server.OnBytes("beside", func(context.Context, *core.Conn, []byte) error { panic(v) }, core.Concurrent())
					s.Server.HandleBytes("beside", func(context.Context, *core.Conn, []byte) ([]byte, error) { panic(v) }, core.Concurrent())
					s.Server.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error {
						if f.Kind == core.KindRaw {
							panic(v)
						}
						return nil
					})
				})
				p := s.Hello("mallory")
				for _, command := range []string{"now", "beside"} {
					p.Send(wire.AppendCommand(nil, command, []byte(coretest.EveryNasty())))
					s.WantFault(core.CodeInternal, "the handler failed")
					p.Send(wire.AppendRequest(nil, 5, command, []byte(coretest.EveryNasty())))
					require.Equal(t, "the handler failed", p.WantFailure(5, core.CodeInternal))
				}
				p.Send(wire.AppendRaw(nil, []byte(coretest.EveryNasty())))
				s.WantFault(core.CodeInternal, "the handler failed")
				s.Log.RequireLogged(t, "error", "handler command panic ")
				s.Log.RequireLogged(t, "error", "command beside")
				s.Log.RequireLogged(t, "error", "handler raw message")
				p.StillThere()
				s.Check()
				s.WantQuiet()
			})
		}
	})
}

// A panic of a hook is logged. The event has happened all the same.
func TestEventHandlerPanics(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
			s.Server.OnJoin(func(c *core.Conn) {
				s.Joins <- c
				if c.Name() == "mallory" {
					panic(coretest.EveryNasty())
				}
			})
			s.Server.OnLeave(func(c *core.Conn, why error) {
				s.Leaves <- harness.Departure{Conn: c, Why: why}
				panic(errors.New(coretest.EveryNasty()))
			})
			s.Server.OnError(func(c *core.Conn, err error) {
				s.Faults <- harness.Fault{Conn: c, Err: err}
				panic(coretest.EveryNasty())
			})
		})
		p := s.Hello("mallory")
		p.StillThere()
		s.Log.RequireLogged(t, "error", "handler join")
		p.Send(wire.AppendCommand(nil, "unknown", nil))
		s.WantFault(core.CodeUnknownCommand, "unknown")
		p.StillThere()
		s.Log.RequireLogged(t, "error", "handler error hook")
		p.Send([]byte{0})
		p.WantGoodbye(core.CodeProtocol, "length 0")
		s.WantLeft("mallory", core.CodeProtocol)
		s.WantFault(core.CodeProtocol, "length 0")
		s.Hello("mallory").StillThere()
		s.Log.RequireLogged(t, "error", "handler leave")
		s.Check()

		bad := n.Raw(t)
		bad.Send([]byte("\x00HS\x07"))
		bad.WantRefuse(core.CodeVersion, "version 1")
		s.WantRefused(core.CodeVersion, "version 1")
		s.Check()
	})
}

// A handler that returns an Error tells it to its caller. Any other error is only logged.
func TestHandlerErrors(t *testing.T) {
	secret := errors.New("open /etc/secret: denied")
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
			s.Server.OnBytes("secret", func(context.Context, *core.Conn, []byte) error { return secret })
			s.Server.HandleBytes("secret", func(context.Context, *core.Conn, []byte) ([]byte, error) { return nil, secret })
			s.Server.OnBytes("nasty", func(_ context.Context, _ *core.Conn, payload []byte) error {
				return fmt.Errorf("cannot do %s", payload)
			})
			s.Server.HandleBytes("nasty", func(_ context.Context, _ *core.Conn, payload []byte) ([]byte, error) {
				return nil, errors.New("cannot do " + string(payload))
			})
			s.Server.HandleBytes("told", func(_ context.Context, _ *core.Conn, payload []byte) ([]byte, error) {
				return nil, fmt.Errorf("for the log: %w", core.NewError(core.CodeApplication+1, "told: "+string(payload)))
			})
		})
		cl := s.Join("ada", n)
		require.NoError(t, cl.Send("secret", ""))
		require.ErrorIs(t, coretest.Next(t, s.Faults).Err, secret)
		require.NoError(t, cl.SendBytes("nasty", []byte(coretest.EveryNasty())))
		require.EqualError(t, errors.Unwrap(coretest.Next(t, s.Faults).Err), "cannot do "+coretest.EveryNasty(), "the hook gets it as it is")
		s.Log.RequireLogged(t, "warn", "cannot do "+coretest.NastyMark)
		for command, want := range map[string]core.Code{
			"secret": core.CodeInternal, "nasty": core.CodeInternal, "told": core.CodeApplication + 1,
		} {
			_, err := cl.CallBytes(s.Ctx, command, []byte(coretest.EveryNasty()))
			require.Equal(t, want.String(), core.CodeOf(err).String())
			require.True(t, core.IsRemote(err))
			coretest.RequireLoggable(t, err.Error())
			require.NotContains(t, err.Error(), "secret")
			require.NotContains(t, err.Error(), "for the log")
		}
		s.Log.RequireLogged(t, "warn", "/etc/secret")
		s.Check()
		s.WantQuiet()
	})
}

// A nil *nilError panics in Error.
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
