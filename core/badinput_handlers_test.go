//go:build !js

package core_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
)

type point struct{ X, Y int }

// An upper takes only texts that it likes, and says so in the words of its peer.
type upper string

func (u *upper) UnmarshalText(b []byte) error { return errors.New("I do not like " + string(b)) }

// What does not convert is the caller's fault if there is one, else it goes to the error hook.
// The handler does not run, and the connection goes on.
func TestPayloadThatDoesNotConvert(t *testing.T) {
	tests := map[string]struct {
		command string
		payload string
	}{
		"int of letters":      {"int", "twelve"},
		"int of nothing":      {"int", ""},
		"int too large":       {"int", "9223372036854775808"},
		"int with escapes":    {"int", nasty["escape sequence"]},
		"int not in UTF-8":    {"int", nasty["not UTF-8"]},
		"long int":            {"int", everyNasty()},
		"byte too large":      {"uint8", "256"},
		"float of letters":    {"float64", "1.5 apples"},
		"bool of letters":     {"bool", "\u2028"},
		"text not in UTF-8":   {"string", nasty["not UTF-8"]},
		"half a character":    {"string", nasty["half a character"]},
		"JSON cut short":      {"point", `{"X":1`},
		"JSON of a wrong key": {"point", `{"X":"one\n"}`},
		"JSON with escapes":   {"point", everyNasty()},
		"JSON of nothing":     {"point", ""},
		"own conversion":      {"upper", everyNasty()},
	}
	over(t, sockets, func(t *testing.T, n *network) {
		s := newScene(t, n, nil, func(s *scene) {
			takes[int](s, "int")
			takes[uint8](s, "uint8")
			takes[float64](s, "float64")
			takes[bool](s, "bool")
			takes[string](s, "string")
			takes[point](s, "point")
			takes[upper](s, "upper")
		})
		p := s.hello("mallory")
		for name, tc := range tests {
			t.Run(name, func(t *testing.T) {
				p.t = t
				p.send(wire.AppendCommand(nil, tc.command, []byte(tc.payload)))
				f := s.wantFault(core.CodeBadPayload, "payload")
				require.Equal(t, "mallory", f.c.Name())
				p.send(wire.AppendRequest(nil, 5, tc.command, []byte(tc.payload)))
				requireLoggable(t, p.wantFailure(5, core.CodeBadPayload))
				p.stillThere()
				s.check()
				s.wantQuiet()
			})
		}
		cl := s.join("ada", n)
		_, err := core.Call[int](s.ctx, cl, "int", "no number")
		require.Equal(t, core.CodeBadPayload, core.CodeOf(err))
		require.True(t, core.IsRemote(err))
		_, err = core.Call[int](s.ctx, cl, "echo", "no number")
		require.Equal(t, core.CodeBadPayload, core.CodeOf(err))
		require.False(t, core.IsRemote(err), "the answer does not convert here")
		s.wantQuiet()
	})
}

func takes[T any](s *scene, name string) {
	core.On(s.srv, name, func(context.Context, *core.Conn, T) error { return errors.New("a handler ran") })
	core.Handle(s.srv, name, func(context.Context, *core.Conn, T) (string, error) { return "a handler ran", nil })
}

// panics are what handlers may panic with.
func panics() map[string]any {
	return map[string]any{
		"text":    "no way\n" + everyNasty(),
		"error":   errors.New(everyNasty()),
		"wrapped": fmt.Errorf("no way: %w", core.NewError(core.CodeApplication, everyNasty())),
		"struct":  point{1, 2},
		"nil":     nil,
	}
}

// A handler that panics costs one answer: the stack stays here, the connection goes on.
func TestHandlerPanics(t *testing.T) {
	over(t, sockets, func(t *testing.T, n *network) {
		for name, v := range panics() {
			t.Run(name, func(t *testing.T) {
				n := open(t, n.name)
				s := newScene(t, n, nil, func(s *scene) {
					s.srv.OnBytes("now", func(context.Context, *core.Conn, []byte) error { panic(v) })
					s.srv.HandleBytes("now", func(context.Context, *core.Conn, []byte) ([]byte, error) { panic(v) })
					s.srv.OnBytes("beside", func(context.Context, *core.Conn, []byte) error { panic(v) }, core.Concurrent())
					s.srv.HandleBytes("beside", func(context.Context, *core.Conn, []byte) ([]byte, error) { panic(v) }, core.Concurrent())
					s.srv.OnMessage(func(_ context.Context, _ *core.Conn, f core.Frame) error {
						if f.Kind == core.KindRaw {
							panic(v)
						}
						return nil
					})
				})
				p := s.hello("mallory")
				for _, command := range []string{"now", "beside"} {
					p.send(wire.AppendCommand(nil, command, []byte(everyNasty())))
					s.wantFault(core.CodeInternal, "the handler failed")
					p.send(wire.AppendRequest(nil, 5, command, []byte(everyNasty())))
					require.Equal(t, "the handler failed", p.wantFailure(5, core.CodeInternal))
				}
				p.send(wire.AppendRaw(nil, []byte(everyNasty())))
				s.wantFault(core.CodeInternal, "the handler failed")
				s.log.requireLogged(t, "error", "handler command panic ")
				s.log.requireLogged(t, "error", "command beside")
				s.log.requireLogged(t, "error", "handler raw message")
				p.stillThere()
				s.check()
				s.wantQuiet()
			})
		}
	})
}

// A panic in a handler of events is logged, and the event has happened all the same.
func TestEventHandlerPanics(t *testing.T) {
	over(t, sockets, func(t *testing.T, n *network) {
		s := newScene(t, n, nil, func(s *scene) {
			s.srv.OnJoin(func(c *core.Conn) {
				s.joins <- c
				if c.Name() == "mallory" {
					panic(everyNasty())
				}
			})
			s.srv.OnLeave(func(c *core.Conn, why error) {
				s.leaves <- departure{c, why}
				panic(errors.New(everyNasty()))
			})
			s.srv.OnError(func(c *core.Conn, err error) {
				s.faults <- fault{c, err}
				panic(everyNasty())
			})
		})
		p := s.hello("mallory")
		p.stillThere()
		s.log.requireLogged(t, "error", "handler join")
		p.send(wire.AppendCommand(nil, "unknown", nil))
		s.wantFault(core.CodeUnknownCommand, "unknown")
		p.stillThere()
		s.log.requireLogged(t, "error", "handler error hook")
		p.send([]byte{0})
		p.wantGoodbye(core.CodeProtocol, "length 0")
		s.wantLeft("mallory", core.CodeProtocol)
		s.wantFault(core.CodeProtocol, "length 0")
		s.hello("mallory").stillThere()
		s.log.requireLogged(t, "error", "handler leave")
		s.check()

		bad := n.raw(t)
		bad.send([]byte("\x00HS\x07"))
		bad.wantRefuse(core.CodeVersion, "version 1")
		s.wantRefused(core.CodeVersion, "version 1")
		s.check()
	})
}

// What a handler returns is for its caller if it is an Error, and otherwise only for the log.
func TestHandlerErrors(t *testing.T) {
	secret := errors.New("open /etc/secret: denied")
	over(t, sockets, func(t *testing.T, n *network) {
		s := newScene(t, n, nil, func(s *scene) {
			s.srv.OnBytes("secret", func(context.Context, *core.Conn, []byte) error { return secret })
			s.srv.HandleBytes("secret", func(context.Context, *core.Conn, []byte) ([]byte, error) { return nil, secret })
			s.srv.OnBytes("nasty", func(_ context.Context, _ *core.Conn, payload []byte) error {
				return fmt.Errorf("cannot do %s", payload)
			})
			s.srv.HandleBytes("nasty", func(_ context.Context, _ *core.Conn, payload []byte) ([]byte, error) {
				return nil, errors.New("cannot do " + string(payload))
			})
			s.srv.HandleBytes("told", func(_ context.Context, _ *core.Conn, payload []byte) ([]byte, error) {
				return nil, fmt.Errorf("for the log: %w", core.NewError(core.CodeApplication+1, "told: "+string(payload)))
			})
		})
		cl := s.join("ada", n)
		require.NoError(t, cl.Send("secret", ""))
		require.ErrorIs(t, next(t, s.faults).err, secret)
		require.NoError(t, cl.SendBytes("nasty", []byte(everyNasty())))
		require.EqualError(t, errors.Unwrap(next(t, s.faults).err), "cannot do "+everyNasty(), "the hook gets it as it is")
		s.log.requireLogged(t, "warn", "cannot do "+nastyMark)
		for command, want := range map[string]core.Code{
			"secret": core.CodeInternal, "nasty": core.CodeInternal, "told": core.CodeApplication + 1,
		} {
			_, err := cl.CallBytes(s.ctx, command, []byte(everyNasty()))
			require.Equal(t, want.String(), core.CodeOf(err).String())
			require.True(t, core.IsRemote(err))
			requireLoggable(t, err.Error())
			require.NotContains(t, err.Error(), "secret")
			require.NotContains(t, err.Error(), "for the log")
		}
		s.log.requireLogged(t, "warn", "/etc/secret")
		s.check()
		s.wantQuiet()
	})
}
