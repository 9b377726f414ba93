//go:build !js

package core_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/wire"
)

// badNames are what no command may be called, and no client or group either.
func badNames() map[string]string {
	bad := map[string]string{
		"empty":    "",
		"too long": nastyMark + strings.Repeat("n", 9000), // even before a server has told its limits

		"zero-width space":   nastyMark + "\u200b",
		"variation selector": nastyMark + "\ufe0f",
		"blank character":    nastyMark + "\u2800",
		"override":           "\u202e" + nastyMark,
		"space behind":       nastyMark + " ",
	}
	for name, text := range nasty {
		bad[name] = text
	}
	return bad
}

// A program that uses a bad name is told by its own side: nothing is sent.
func TestBadNamesHere(t *testing.T) {
	over(t, sockets, func(t *testing.T, n *network) {
		s := newScene(t, n, nil, func(s *scene) {
			s.srv.OnMessage(func(_ context.Context, c *core.Conn, f core.Frame) error {
				return core.NewError(core.CodeApplication, "came through: "+f.Command)
			})
		})
		cl := s.join("ada", n)
		c, err := s.srv.Client("ada")
		require.NoError(t, err)
		for name, bad := range badNames() {
			t.Run(name, func(t *testing.T) {
				requireBadName := func(err error) {
					t.Helper()
					require.Equal(t, core.CodeBadName.String(), core.CodeOf(err).String(), "%v", err)
					require.False(t, core.IsRemote(err))
					requireLoggable(t, err.Error())
				}
				_, err := cl.CallBytes(s.ctx, bad, nil)
				requireBadName(err)
				_, err = c.CallBytes(s.ctx, bad, nil)
				requireBadName(err)
				requireBadName(cl.Send(bad, 1))
				requireBadName(c.SendBytes(bad, nil))
				requireBadName(s.srv.All().Send(bad, 1))
				requireBadName(cl.Join(s.ctx, bad))
				requireBadName(c.Join(s.ctx, bad))
				require.NoError(t, c.Join(s.ctx, "fine"))
				requireBadName(s.srv.Group("fine").Send(bad, 1))
				if bad != "" { // who has no name says so
					requireBadName(s.client(n, &core.ClientOptions{Name: bad}).Connect(s.ctx))
				}
				requireBadName(s.client(n, &core.ClientOptions{Groups: []string{"fine", bad}}).Connect(s.ctx))
				require.Panics(t, func() {
					newTestServer(nil).OnBytes(bad, func(context.Context, *core.Conn, []byte) error { return nil })
				})
			})
		}
		_, err = s.srv.Client(everyNasty())
		require.Equal(t, core.CodeUnknownClient, core.CodeOf(err))
		requireLoggable(t, err.Error())
		err = s.srv.Group(everyNasty()).Send("said", 1, core.MustReach())
		require.Equal(t, core.CodeUnknownGroup, core.CodeOf(err))
		requireLoggable(t, err.Error())
		err = s.srv.Group(everyNasty()).Send("said", 1)
		require.Equal(t, core.CodeBadName, core.CodeOf(err))
		requireLoggable(t, err.Error())

		_, err = core.Call[string](s.ctx, cl, "echo", "still fine")
		require.NoError(t, err)
		s.check()
		s.wantQuiet()
	})
}

// A name that is too long for the server, but not for any, is refused there.
func TestNameTooLongForServer(t *testing.T) {
	each(t, func(t *testing.T, n *network) {
		s := newScene(t, n, &core.ServerOptions{Limits: core.Limits{MaxName: 10, MaxGroups: 2}})
		for _, opts := range []core.ClientOptions{
			{Name: "eleven chars"}, {Groups: []string{"eleven chars"}},
		} {
			err := s.client(n, &opts).Connect(s.ctx)
			require.Equal(t, core.CodeBadName.String(), core.CodeOf(err).String(), "%v", err)
			require.True(t, core.IsRemote(err))
			s.wantRefused(core.CodeBadName, "exceeds limit 10 B")
		}
		err := s.client(n, &core.ClientOptions{Groups: []string{"a", "b", "c"}}).Connect(s.ctx)
		require.Equal(t, core.CodeTooManyGroups.String(), core.CodeOf(err).String(), "%v", err)
		s.wantRefused(core.CodeTooManyGroups, "2")
		s.check()
		s.wantQuiet()
	})
}

// By hand any bytes can be a name. A command is reported to the program, a call is answered,
// and no handler gets to see them.
func TestBadNamesFromPeer(t *testing.T) {
	over(t, sockets, func(t *testing.T, n *network) {
		s := newScene(t, n, nil, func(s *scene) {
			seen := func(_ context.Context, _ *core.Conn, f core.Frame) error {
				return core.NewError(core.CodeApplication, "came through: "+f.Command)
			}
			s.srv.OnAny(seen)
			s.srv.OnMessage(seen)
			s.srv.HandleAny(func(ctx context.Context, c *core.Conn, f core.Frame) ([]byte, error) {
				return nil, seen(ctx, c, f)
			})
		})
		p := s.hello("mallory")
		for name, bad := range badNames() {
			t.Run(name, func(t *testing.T) {
				p.t = t
				p.send(wire.AppendCommand(nil, bad, []byte(everyNasty())))
				f := s.wantFault(core.CodeBadName, "name")
				require.Equal(t, "mallory", f.c.Name())

				p.send(wire.AppendRequest(nil, 7, bad, []byte(everyNasty())))
				requireLoggable(t, p.wantFailure(7, core.CodeBadName))
				p.stillThere()
				s.check()
				s.wantQuiet()
			})
		}
	})
}

// A group of a bad name is not joined, nor left, and no client is called so; the peer is told.
func TestBadGroupsFromPeer(t *testing.T) {
	over(t, sockets, func(t *testing.T, n *network) {
		s := newScene(t, n, &core.ServerOptions{Limits: core.Limits{MaxGroups: 3, ChangeRate: -1}})
		p := s.hello("mallory")
		for name, bad := range badNames() {
			t.Run(name, func(t *testing.T) {
				p.t = t
				for _, k := range []wire.Kind{wire.KindAskJoin, wire.KindAskLeave, wire.KindAskRename} {
					if k == wire.KindAskRename && bad == "" {
						continue // to have no name
					}
					p.send(wire.AppendAsk(nil, k, 7, bad))
					requireLoggable(t, p.wantFailure(7, core.CodeBadName))
				}
				s.check()
			})
		}
		p.t = t
		for i, g := range manyGroups(3) {
			p.send(wire.AppendAsk(nil, wire.KindAskJoin, uint64(i), g))
		}
		p.send(wire.AppendAsk(nil, wire.KindAskJoin, 7, "one more"))
		require.Contains(t, p.wantFailure(7, core.CodeTooManyGroups), "3 groups")
		p.send(wire.AppendAsk(nil, wire.KindAskJoin, 8, "group 1")) // it is in that one already
		p.wantKind(wire.KindReply)
		p.stillThere()
		require.Equal(t, manyGroups(3), s.srv.Groups())
		s.check()
		s.wantQuiet()
	})
}

// A command or call without a handler is a fault of the sender, whatever it is called.
func TestUnknownCommands(t *testing.T) {
	each(t, func(t *testing.T, n *network) {
		s := newScene(t, n, nil)
		p := s.hello("mallory")
		for _, name := range []string{"nobody takes this", "message", "join", "Zoë 🚀", "לצנ", strings.Repeat("c", 256)} {
			p.send(wire.AppendCommand(nil, name, []byte(everyNasty())))
			s.wantFault(core.CodeUnknownCommand, "no handler for command")
			p.send(wire.AppendRequest(nil, 3, name, nil))
			requireLoggable(t, p.wantFailure(3, core.CodeUnknownCommand))
		}
		s.check()
		s.wantQuiet()
	})
}
