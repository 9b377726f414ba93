//go:build !js

package python_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// A notice that does not fit a short header is not sent, but reported: it would put its reader out
// of step. Notices that fit still come.
func TestNoticeTooLong(t *testing.T) {
	inWorld(t, &core.ServerOptions{Classic: core.ClassicOptions{HeaderLen: 2}}, func(w *world) {
		var faults kept[string]
		w.srv.OnError(func(c *core.Conn, err error) { faults.Add(c.Name() + " " + core.CodeOf(err).String()) })
		w.serve()
		p := w.peer()
		p.Send([]byte(`39$CLTHELLO$ {"name": "o", "group": null}`))
		synctest.Wait()
		require.Equal(t, []string{"o"}, w.srv.Names())
		cl := w.join(w.client(strings.Repeat("x", 60)))
		require.Equal(t, []string{"o too big"}, faults.All())
		require.NoError(t, w.srv.Named("o").Send("say", "hi"))
		buf := make([]byte, 100)
		n, err := p.Stream.Read(buf)
		require.NoError(t, err)
		require.Equal(t, "6 say hi", string(buf[:n]))
		require.NoError(t, cl.Close())
		p.Stream.Close() //nolint:errcheck // it is over
	})
}

// Without the option Notices classic clients are told everything that their protocol has, except
// groups that are not open to everybody.
func TestNoticesWithoutOption(t *testing.T) {
	letIn := func(context.Context, *core.Admission) error { return nil }
	for name, tc := range map[string]struct {
		opts core.ServerOptions
		want string // the group of bob that others are told
	}{
		"open":            {core.ServerOptions{}, `"vault"`},
		"Authorize":       {core.ServerOptions{Access: core.Access{Authorize: letIn}}, "null"},
		"Notices, names":  {core.ServerOptions{Access: core.Access{Notices: core.TellNames}}, "no address"},
		"Notices, groups": {core.ServerOptions{Access: core.Access{Notices: core.TellGroups}}, "no address"},
		"Notices, addrs":  {core.ServerOptions{Access: core.Access{Notices: core.TellAddrs}}, "null"},
		"Notices, nobody": {core.ServerOptions{Access: core.Access{Notices: core.TellNobody}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &tc.opts, func(w *world) {
				w.tapped()
				ann := w.old(`"ann"`, `"red"`)
				eve := w.v3(`"eve"`, `"red"`)
				ann.take()
				bob := w.old(`"bob"`, `"vault"`)
				kim := w.join(w.client("kim", "red", "vault")) // its first group is shown
				where := func(group, ip, port string) string {
					return `{"ip": [` + ip + `, ` + port + `], "name": "` + group
				}
				vault, red, ip, port := tc.want, `"red"`, `"127.0.0.1"`, "40003"
				if tc.want == "no address" {
					vault, ip, port = "null", `""`, "0"
					if name == "Notices, names" {
						red = "null"
					}
				}
				want := `$CLTCONN$ ` + where("bob", ip, port) + `", "group": ` + vault + `}`
				kimPort := "40004"
				if port == "0" {
					kimPort = "0"
				}
				second := `$CLTCONN$ ` + where("kim", ip, kimPort) + `", "group": ` + red + `}`
				if tc.want == "" {
					ann.want()
				} else {
					ann.want(want, second)
				}
				eve.take()
				// Records of other clients have the same limits: they are found by name, and by
				// address only if addresses are told.
				eve.send(oldFrames("$GETCLT$bob", "$GETCLT$127.0.0.1:40003", "$GETCLT$nobody", "$GETCLT$eve"))
				got := eve.records()
				require.Equal(t, tc.want == `"vault"`, strings.Contains(got, "vault"))
				records := strings.Count(got, `"name":"bob"`)
				switch tc.want {
				case "":
					require.Zero(t, records)
				case "no address":
					require.Equal(t, 1, records)
					require.NotContains(t, strings.ReplaceAll(got, "40002", ""), "4000")
				default:
					require.Equal(t, 2, records)
				}
				require.Contains(t, got, `"name":"eve"`, "one's own record")
				bob.close()
				if tc.want == "" {
					ann.want()
				} else {
					ann.want(strings.Replace(want, "$CLTCONN$", "$CLTDISCONN$", 1))
				}
				require.NoError(t, kim.Close())
				synctest.Wait()
				ann.close()
				eve.close()
			})
		})
	}
}

// Guarded groups are told only to clients that are in them, also to classic clients.
func TestNoticesAndGuardedGroups(t *testing.T) {
	opts := &core.ServerOptions{Access: core.Access{AuthorizeGroup: func(context.Context, *core.Conn, string) error { return nil }}}
	inWorld(t, opts, func(w *world) {
		w.tapped()
		out, in := w.old(`"out"`, `"red"`), w.old(`"in"`, `"vault"`)
		out.take()
		in.take()
		bob := w.old(`"bob"`, `"vault"`)
		require.NotContains(t, out.take(), "vault")
		require.Contains(t, in.take(), `"group": "vault"`)
		eve := w.v3(`"eve"`, `"red"`)
		eve.send(oldFrames("$GETCLT$bob", "$GETCLT$127.0.0.1:40003"))
		require.NotContains(t, eve.take(), "vault")
		for _, p := range []*oldPeer{bob, in, out, eve} {
			p.close()
		}
	})
}

// A group that a client has asked for, and into which it was not let, is not told.
func TestNoticeTellsNoRefusedGroup(t *testing.T) {
	opts := &core.ServerOptions{Access: core.Access{Notices: core.TellAddrs, AuthorizeGroup: func(_ context.Context, _ *core.Conn, group string) error {
		if group == "vault" {
			return core.NewError(core.CodeUnauthorized, "")
		}
		return nil
	}}}
	inWorld(t, opts, func(w *world) {
		w.tapped()
		ann := w.old(`"ann"`, `"vault"`)
		bob := w.old(`"bob"`, `"vault"`)
		require.NotContains(t, ann.take(), "vault")
		bob.close()
		ann.close()
	})
}
