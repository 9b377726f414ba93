//go:build !js

package hostile_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// badNames returns names that no command, client or group may have.
func badNames() map[string]string {
	bad := map[string]string{
		"empty":    "",
		"too long": coretest.NastyMark + strings.Repeat("n", 9000), // even before a server has told its limits

		"zero-width space":   coretest.NastyMark + "\u200b",
		"variation selector": coretest.NastyMark + "\ufe0f",
		"blank character":    coretest.NastyMark + "\u2800",
		"override":           "\u202e" + coretest.NastyMark,
		"space behind":       coretest.NastyMark + " ",
	}
	for name, text := range coretest.Nasty {
		bad[name] = text
	}
	return bad
}

// A bad name is refused at the program's own end: nothing is sent.
func TestBadNamesHere(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
			s.Server.OnMessage(func(_ context.Context, c *core.Conn, f core.Frame) error {
				return core.NewError(core.CodeApplication, "came through: "+f.Command)
			})
		})
		cl := s.Join("ada", n)
		c, err := s.Server.Client("ada")
		require.NoError(t, err)
		for name, bad := range badNames() {
			t.Run(name, func(t *testing.T) {
				requireBadName := func(err error) {
					t.Helper()
					require.Equal(t, core.CodeBadName.String(), core.CodeOf(err).String(), "%v", err)
					require.False(t, core.IsRemote(err))
					coretest.RequireLoggable(t, err.Error())
				}
				_, err := cl.CallBytes(s.Ctx, bad, nil)
				requireBadName(err)
				_, err = c.CallBytes(s.Ctx, bad, nil)
				requireBadName(err)
				requireBadName(cl.Send(bad, 1))
				requireBadName(c.SendBytes(bad, nil))
				requireBadName(s.Server.All().Send(bad, 1))
				requireBadName(cl.Join(s.Ctx, bad))
				requireBadName(c.Join(s.Ctx, bad))
				require.NoError(t, c.Join(s.Ctx, "fine"))
				requireBadName(s.Server.Group("fine").Send(bad, 1))
				if bad != "" { // an empty name is no name
					requireBadName(s.Client(n, &core.ClientOptions{Name: bad}).Connect(s.Ctx))
				}
				requireBadName(s.Client(n, &core.ClientOptions{Groups: []string{"fine", bad}}).Connect(s.Ctx))
				require.Panics(t, func() {
					harness.NewServer(nil).OnBytes(bad, func(context.Context, *core.Conn, []byte) error { return nil })
				})
			})
		}
		_, err = s.Server.Client(coretest.EveryNasty())
		require.Equal(t, core.CodeUnknownClient, core.CodeOf(err))
		coretest.RequireLoggable(t, err.Error())
		err = s.Server.Group(coretest.EveryNasty()).Send("said", 1, core.MustReach())
		require.Equal(t, core.CodeUnknownGroup, core.CodeOf(err))
		coretest.RequireLoggable(t, err.Error())
		err = s.Server.Group(coretest.EveryNasty()).Send("said", 1)
		require.Equal(t, core.CodeBadName, core.CodeOf(err))
		coretest.RequireLoggable(t, err.Error())

		_, err = core.Call[string](s.Ctx, cl, "echo", "still fine")
		require.NoError(t, err)
		s.Check()
		s.WantQuiet()
	})
}

// A name that is too long for this server, but not for every server, is refused by the server.
func TestNameTooLongForServer(t *testing.T) {
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, &core.ServerOptions{Limits: core.Limits{MaxName: 10, MaxGroups: 2}})
		for _, opts := range []core.ClientOptions{
			{Name: "eleven chars"}, {Groups: []string{"eleven chars"}},
		} {
			err := s.Client(n, &opts).Connect(s.Ctx)
			require.Equal(t, core.CodeBadName.String(), core.CodeOf(err).String(), "%v", err)
			require.True(t, core.IsRemote(err))
			s.WantRefused(core.CodeBadName, "exceeds limit 10 B")
		}
		err := s.Client(n, &core.ClientOptions{Groups: []string{"a", "b", "c"}}).Connect(s.Ctx)
		require.Equal(t, core.CodeTooManyGroups.String(), core.CodeOf(err).String(), "%v", err)
		s.WantRefused(core.CodeTooManyGroups, "2")
		s.Check()
		s.WantQuiet()
	})
}

// A peer by hand can send any bytes as a name. A bad command is reported to the program, and a bad
// call is answered. No handler gets them.
func TestBadNamesFromPeer(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil, func(s *harness.Scene) {
			seen := func(_ context.Context, _ *core.Conn, f core.Frame) error {
				return core.NewError(core.CodeApplication, "came through: "+f.Command)
			}
			s.Server.OnAny(seen)
			s.Server.OnMessage(seen)
			s.Server.HandleAny(func(ctx context.Context, c *core.Conn, f core.Frame) ([]byte, error) {
				return nil, seen(ctx, c, f)
			})
		})
		p := s.Hello("mallory")
		for name, bad := range badNames() {
			t.Run(name, func(t *testing.T) {
				p.T = t
				p.Send(wire.AppendCommand(nil, bad, []byte(coretest.EveryNasty())))
				f := s.WantFault(core.CodeBadName, "name")
				require.Equal(t, "mallory", f.Conn.Name())

				p.Send(wire.AppendRequest(nil, 7, bad, []byte(coretest.EveryNasty())))
				coretest.RequireLoggable(t, p.WantFailure(7, core.CodeBadName))
				p.StillThere()
				s.Check()
				s.WantQuiet()
			})
		}
	})
}

// A bad name of a group or client is refused, and the peer is told.
func TestBadGroupsFromPeer(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, &core.ServerOptions{Limits: core.Limits{MaxGroups: 3, ChangeRate: -1}})
		p := s.Hello("mallory")
		for name, bad := range badNames() {
			t.Run(name, func(t *testing.T) {
				p.T = t
				for _, k := range []wire.Kind{wire.KindAskJoin, wire.KindAskLeave, wire.KindAskRename} {
					if k == wire.KindAskRename && bad == "" {
						continue // the empty name is valid here
					}
					p.Send(wire.AppendAsk(nil, k, 7, bad))
					coretest.RequireLoggable(t, p.WantFailure(7, core.CodeBadName))
				}
				s.Check()
			})
		}
		p.T = t
		for i, g := range manyGroups(3) {
			p.Send(wire.AppendAsk(nil, wire.KindAskJoin, uint64(i), g))
		}
		p.Send(wire.AppendAsk(nil, wire.KindAskJoin, 7, "one more"))
		require.Contains(t, p.WantFailure(7, core.CodeTooManyGroups), "3 groups")
		p.Send(wire.AppendAsk(nil, wire.KindAskJoin, 8, "group 1")) // it is in that group already
		p.WantKind(wire.KindReply)
		p.StillThere()
		require.Equal(t, manyGroups(3), s.Server.Groups())
		s.Check()
		s.WantQuiet()
	})
}

// A command or call without a handler is the sender's fault, under any name.
func TestUnknownCommands(t *testing.T) {
	harness.Each(t, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, nil)
		p := s.Hello("mallory")
		for _, name := range []string{"nobody takes this", "message", "join", "Zoë 🚀", "לצנ", strings.Repeat("c", 256)} {
			p.Send(wire.AppendCommand(nil, name, []byte(coretest.EveryNasty())))
			s.WantFault(core.CodeUnknownCommand, "no handler for command")
			p.Send(wire.AppendRequest(nil, 3, name, nil))
			coretest.RequireLoggable(t, p.WantFailure(3, core.CodeUnknownCommand))
		}
		s.Check()
		s.WantQuiet()
	})
}
