package core

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// listens makes a client record its notices of others.
func listens(cl *Client) *kept[string] {
	var got kept[string]
	tell := func(what string) func(p Presence) {
		return func(p Presence) { got.Add(strings.TrimSpace(fmt.Sprint(what, p.Name, " ", p.Groups, " ", p.Addr))) }
	}
	cl.OnClientConnect(tell("+"))
	cl.OnClientDisconnect(tell("-"))
	cl.OnClientRename(func(old string, p Presence) { tell(old + ">")(p) })
	return &got
}

// Nobody is told of anybody without the option Notices. A client that asks for notices is told so.
func TestNoNoticesUnlessSet(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		ada := w.client("ada", "red")
		got := listens(ada)
		var faults kept[string]
		ada.OnError(func(_ *Conn, err error) { faults.Add(CodeOf(err).String() + ": " + err.Error()) })
		w.join(ada)
		require.Len(t, faults.All(), 1)
		require.Contains(t, faults.All()[0], "unsupported: ")
		require.Contains(t, faults.All()[0], "no others")
		bob := w.join(w.client("bob", "red"))
		require.NoError(t, w.conn("bob").Rename(w.ctx, "eve"))
		require.NoError(t, bob.Close())
		synctest.Wait()
		require.Empty(t, got.All())
		require.Empty(t, w.srv.roster.Subscribers())
		require.NoError(t, ada.Close())
	})
}

// A client that does not ask for notices gets none. A client that asks gets the notices that the
// option allows.
func TestNoticesTellWhatTheOptionSays(t *testing.T) {
	none := []string{}
	for name, tc := range map[string]struct {
		tell func(to, of *Conn, p *Presence) bool
		want []string
	}{
		"names":  {TellNames, []string{"+bob []", "bob>eve []", "-eve []"}},
		"groups": {TellGroups, []string{"+bob [red]", "bob>eve []", "-eve [red]"}},
		"addrs":  {TellAddrs, []string{"+bob [red] pipe", "bob>eve [] pipe", "-eve [red] pipe"}},
		"nobody": {TellNobody, none},
		"blank": {func(_, _ *Conn, p *Presence) bool {
			p.Name = ""
			return true
		}, []string{"+ []", "- []"}},
		"other names": {func(_, _ *Conn, p *Presence) bool {
			p.Name = "the " + p.Name
			return true
		}, []string{"+the bob []", "the bob>the eve []", "-the eve []"}},
		"by name before": {func(_, _ *Conn, p *Presence) bool { return p.Name == "bob" }, []string{"+bob []", "-bob []"}},
		"by name after":  {func(_, _ *Conn, p *Presence) bool { return p.Name == "eve" }, []string{"+eve []", "-eve []"}},
		"by receiver":    {func(to, _ *Conn, _ *Presence) bool { return to.Name() != "ada" }, none},
		"panic":          {func(_, _ *Conn, _ *Presence) bool { panic("in the option") }, none},
		"bad name": {func(_, _ *Conn, p *Presence) bool {
			p.Name += "\n"
			return true
		}, none},
		"bad group": {func(_, _ *Conn, p *Presence) bool {
			p.Groups = []string{"red", ""}
			return true
		}, none},
		"bad address": {func(_, _ *Conn, p *Presence) bool {
			p.Addr = "\xff"
			return true
		}, none},
		"nil pointer": {func(_, _ *Conn, p *Presence) bool { return (*Conn)(nil).Name() == "" }, none},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Access: Access{Notices: tc.tell}}, func(w *world) {
				w.serve()
				ada, deaf := w.client("ada", "red", "blue"), w.client("deaf")
				got := listens(ada)
				w.join(ada)
				w.join(deaf)
				gone := len(got.All())
				bob := w.join(w.client("bob", "red", "vault"))
				pipe := w.conn("bob").Addr()
				require.NoError(t, w.conn("bob").Rename(w.ctx, "eve"))
				synctest.Wait()
				require.NoError(t, bob.Close())
				synctest.Wait()
				for i, got := range got.All()[gone:] {
					require.Equal(t, strings.ReplaceAll(tc.want[i], "pipe", pipe), got)
				}
				require.Len(t, got.All()[gone:], len(tc.want))
				require.Len(t, w.srv.roster.Subscribers(), 1)
				require.NoError(t, ada.Close())
				require.NoError(t, deaf.Close())
			})
		})
	}
}

// The option Notices runs with no lock held: it may query, send to, rename and end the clients that
// it is asked about.
func TestNoticesOptionMayUseClients(t *testing.T) {
	opts := &ServerOptions{Access: Access{UniqueNames: true}}
	inWorld(t, opts, func(w *world) {
		w.srv.opts.Access.Notices = func(to, of *Conn, p *Presence) bool {
			if p.Name == "bob" && of.ID() == 2 && of.Name() == "bob" {
				if err := of.Rename(w.ctx, "robert"); err != nil {
					t.Error(err)
				}
				if err := to.Join(w.ctx, "seen"); err != nil {
					t.Error(err)
				}
				if err := to.Send("about", p.Name); err != nil {
					t.Error(err)
				}
			}
			if p.Name == "eve" {
				of.Close()
			}
			return true
		}
		w.serve()
		ada := w.client("ada")
		got := listens(ada)
		On(ada, "about", func(_ context.Context, _ *Conn, s string) error { got.Add("about " + s); return nil })
		w.join(ada)
		bob := w.join(w.client("bob"))
		require.Equal(t, []string{"about bob", "+bob []", "bob>robert []"}, got.All())
		require.Equal(t, "robert", bob.Name())
		w.join(w.client("bob")) // the name is free again
		eve := w.join(w.client("eve"))
		<-eve.Done()
		synctest.Wait()
		require.Equal(t, []string{"+eve []", "-eve []"}, got.All()[len(got.All())-2:])
		for _, cl := range w.clients {
			require.NoError(t, cl.Close())
		}
	})
}

// A Notices that ends its goroutine ends the newcomer's connection, as a handler does. Nobody waits
// for it.
func TestNoticesOptionMayEndItsGoroutine(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{UniqueNames: true, Notices: func(_, of *Conn, p *Presence) bool {
		if p.Name == "bob" {
			runtime.Goexit()
		}
		return true
	}}}, func(w *world) {
		w.serve()
		ada := w.client("ada")
		got := listens(ada)
		w.join(ada)
		bob := w.join(w.client("bob"))
		<-bob.Done()
		time.Sleep(3 * time.Second) // the server waits for the end of the stream
		w.join(w.client("eve"))
		require.Equal(t, "+eve []", got.All()[len(got.All())-1])
		require.Equal(t, []string{"ada", "eve"}, w.srv.Names())
		for _, cl := range w.clients {
			require.NoError(t, cl.Close())
		}
	})
}

// Clients that ask for notices are told who comes and goes, in order, but not of themselves. The
// join handler runs before anybody is told of a newcomer, and the leave handler before anybody is
// told that a client has left.
func TestNotices(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{Notices: tellEverything}}, func(w *world) {
		var events kept[string]
		w.srv.OnJoin(func(c *Conn) {
			events.Add("join " + c.Name())
			if err := c.Send("welcome", c.Name()); err != nil {
				t.Error(err)
			}
		})
		w.srv.OnLeave(func(c *Conn, _ error) { events.Add("leave " + c.Name()) })
		w.serve()
		watch := func(name string) *Client {
			cl := w.client(name)
			On(cl, "welcome", func(_ context.Context, _ *Conn, s string) error { events.Add("welcome " + s); return nil })
			cl.OnClientConnect(func(p Presence) { events.Add(fmt.Sprint(name, " sees ", p.Name, p.Groups)) })
			cl.OnClientDisconnect(func(p Presence) { events.Add(fmt.Sprint(name, " misses ", p.Name, p.Groups)) })
			return w.join(cl)
		}
		ada := watch("ada")
		bob := w.join(w.client("bob", "red")) // asks for no notices
		eve := watch("eve")
		require.NoError(t, bob.Close())
		synctest.Wait()
		require.NoError(t, ada.Close())
		synctest.Wait()
		require.NoError(t, eve.Close())
		synctest.Wait()
		require.Equal(t, []string{
			"join ada", "welcome ada",
			"join bob", "ada sees bob[red]",
			"join eve", "ada sees eve[]", "welcome eve",
			"leave bob",
		}, sortRuns(events.All()[:8], 5, 7))
		require.ElementsMatch(t, []string{"ada misses bob[red]", "eve misses bob[red]", "leave ada", "eve misses ada[]", "leave eve"}, events.All()[8:])
	})
}

// sortRuns sorts the elements i to j, which different goroutines have added.
func sortRuns(s []string, i, j int) []string {
	slices.Sort(s[i:j])
	return s
}
