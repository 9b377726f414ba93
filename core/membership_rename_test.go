package core

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// renames records the changes of name that an end hears of.
func renames(r interface {
	OnRename(func(c *Conn, old, name string))
}) *kept[string] {
	var got kept[string]
	r.OnRename(func(_ *Conn, old, name string) { got.Add(old + " to " + name) })
	return &got
}

func TestRename(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		atServer := renames(w.srv)
		w.serve()
		cl := w.client("ada")
		atClient := renames(cl)
		w.join(cl)
		conn, err := w.srv.Client("ada")
		require.NoError(t, err)

		require.NoError(t, cl.Rename(w.ctx, "grace"))
		synctest.Wait()
		require.Equal(t, "grace", cl.Name())
		require.Equal(t, "grace", conn.Name())
		require.Equal(t, []string{"grace"}, w.srv.Names())
		_, err = w.srv.Client("ada")
		require.Equal(t, CodeUnknownClient, CodeOf(err))

		require.NoError(t, conn.Rename(w.ctx, "eve"))
		require.Equal(t, "eve", conn.Name(), "at a server at once")
		synctest.Wait()
		require.Equal(t, "eve", cl.Name())
		require.NoError(t, w.srv.Named("eve").Send("say", "hi"))

		// A rename to the same name is no event at either end.
		require.NoError(t, cl.Rename(w.ctx, "eve"))
		require.NoError(t, conn.Rename(w.ctx, "eve"))
		require.NoError(t, cl.Rename(w.ctx, ""))
		synctest.Wait()
		require.Empty(t, cl.Name())
		require.Empty(t, w.srv.Names())
		require.NoError(t, conn.Rename(w.ctx, "eve"))
		synctest.Wait()
		require.Equal(t, []string{"ada to grace", "eve to "}, atServer.All(), "not what the program did itself")
		require.Equal(t, []string{"ada to grace", "grace to eve", "eve to ", " to eve"}, atClient.All())

		require.NoError(t, cl.Close())
		synctest.Wait()
		require.Empty(t, w.srv.Names())
		require.Equal(t, CodeClosed, CodeOf(conn.Rename(w.ctx, "late")))
		require.Equal(t, CodeClosed, CodeOf(cl.Rename(w.ctx, "late")))
		require.Empty(t, w.srv.Names(), "who has gone is not called anything new")
		require.Equal(t, CodeNotConnected, CodeOf(newTestClient(w.lis, nil).Rename(w.ctx, "x")))
	})
}

func TestRenameIsRefused(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{UniqueNames: true}, Limits: Limits{MaxName: 10}}, func(w *world) {
		var faults kept[string]
		w.srv.OnError(func(_ *Conn, err error) { faults.Add(CodeOf(err).String()) })
		atServer := renames(w.srv)
		w.serve()
		ada, bob := w.client("ada"), w.join(w.client("bob"))
		atClient := renames(ada)
		w.join(ada)
		conn, err := w.srv.Client("ada")
		require.NoError(t, err)
		long := strings.Repeat("x", 11)

		require.Equal(t, CodeNameTaken, CodeOf(conn.Rename(w.ctx, "bob")))
		require.Equal(t, CodeBadName, CodeOf(conn.Rename(w.ctx, "a\nb")))
		require.Equal(t, CodeBadName, CodeOf(conn.Rename(w.ctx, long)))
		require.Equal(t, CodeBadName, CodeOf(ada.Rename(w.ctx, "a\nb")))
		for _, tc := range []struct {
			name string
			code Code
		}{{"bob", CodeNameTaken}, {long, CodeBadName}} {
			err := ada.Rename(w.ctx, tc.name)
			require.Equal(t, tc.code.String(), CodeOf(err).String())
			require.True(t, IsRemote(err), "it is for the server to say")
		}
		synctest.Wait()
		require.Empty(t, faults.All(), "who asked has been told")
		require.Equal(t, "ada", ada.Name())
		require.Equal(t, []string{"ada", "bob"}, w.srv.Names())
		require.Empty(t, atServer.All())
		require.Empty(t, atClient.All())

		// The old name is free. The name of a client that has left is free, too.
		require.NoError(t, ada.Rename(w.ctx, "grace"))
		synctest.Wait()
		second := w.join(w.client("ada"))
		require.NoError(t, bob.Close())
		synctest.Wait()
		require.NoError(t, second.Rename(w.ctx, "bob"))
		synctest.Wait()
		require.Equal(t, []string{"bob", "grace"}, w.srv.Names())
		require.NoError(t, ada.Close())
		require.NoError(t, second.Close())
		synctest.Wait()
		require.Empty(t, w.srv.Names())
	})
}

// Each request for a name is answered, whether it changes anything or not. A change is told before
// the answer.
func TestRenameIsAnswered(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{UniqueNames: true}}, func(w *world) {
		w.serve()
		bob := w.join(w.client("bob"))
		p := w.hello(&wire.Hello{Name: "mallory"})
		for name, code := range map[string]Code{
			"bob": CodeNameTaken, "mallory": CodeNone, "a\x1bb": CodeBadName, "\xff": CodeBadName, strings.Repeat("x", 20<<10): CodeBadName,
		} {
			p.Send(wire.AppendAsk(nil, wire.KindAskRename, 7, name))
			id, got := p.WantAnswer()
			require.EqualValues(t, 7, id)
			require.Equal(t, code.String(), got.String())
		}
		for _, name := range []string{"eve", ""} {
			p.Send(wire.AppendAsk(nil, wire.KindAskRename, 8, name))
			require.Equal(t, name, p.WantName(wire.KindRename))
			_, got := p.WantAnswer()
			require.Equal(t, CodeNone, got)
		}
		p.Send(wire.AppendRenamed(nil, "", "eve", ""))
		p.WantGoodbye(CodeProtocol, "")
		require.NoError(t, bob.Close())
	})
}

// A command sent after a rename is handled after it.
func TestRenameOrder(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var names kept[string]
		On(w.srv, "who am I", func(_ context.Context, c *Conn, _ struct{}) error { names.Add(c.Name()); return nil })
		w.serve()
		cl := w.join(w.client("ada"))
		var want []string
		for i := range 20 {
			want = append(want, fmt.Sprint("name ", i))
			require.NoError(t, cl.Rename(w.ctx, want[i]))
			require.NoError(t, cl.Send("who am I", nil))
		}
		synctest.Wait()
		require.Equal(t, want, names.All())
		require.NoError(t, cl.Close())
	})
}

// One of the clients that race for a name gets it. The names that they give up are free.
func TestRenameRace(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{UniqueNames: true}, Limits: Limits{ChangeRate: -1}}, func(w *world) {
		w.serve()
		var conns []*Conn
		for i := range 4 {
			w.join(w.client(fmt.Sprint("c", i)))
			c, err := w.srv.Client(fmt.Sprint("c", i))
			require.NoError(t, err)
			conns = append(conns, c)
		}
		for round := range 50 {
			name := fmt.Sprint("round ", round)
			var wg sync.WaitGroup
			var won kept[*Conn]
			for i, c := range conns {
				wg.Go(func() {
					switch err := c.Rename(w.ctx, name); {
					case err == nil:
						won.Add(c)
					case CodeOf(err) != CodeNameTaken:
						t.Error(err)
					}
				})
				if i%2 == 0 {
					wg.Go(func() { w.clients[i].Rename(w.ctx, name) }) //nolint:errcheck // it may lose
				}
			}
			wg.Wait()
			synctest.Wait()
			c, err := w.srv.Client(name)
			require.NoError(t, err)
			for _, winner := range won.All() {
				require.Equal(t, name, winner.Name())
				require.Same(t, c, winner)
			}
			require.Len(t, w.srv.Names(), len(conns))
			for i, c := range conns {
				require.Equal(t, c.Name(), w.clients[i].Name())
			}
		}
		w.srv.DisconnectAll(NewError(CodeClosed, ""))
		synctest.Wait()
		require.Empty(t, w.srv.Names())
	})
}

// A client and the others are told its final name last, whoever renames it and however many do so
// at once. Each is told an unbroken row of names.
func TestRenameFromEverywhere(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{Notices: tellEverything}}, func(w *world) {
		w.serve()
		ada := w.join(w.client("ada"))
		watcher := w.client("")
		last, breaks := "ada", 0
		watcher.OnClientRename(func(old string, p Presence) {
			if old != last {
				breaks++
			}
			last = p.Name
		})
		w.join(watcher)
		conn, err := w.srv.Client("ada")
		require.NoError(t, err)
		for round := range 20 {
			var wg sync.WaitGroup
			for i := range 6 {
				wg.Go(func() {
					if err := conn.Rename(w.ctx, fmt.Sprint(round, " of ", i)); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Go(func() { ada.Rename(w.ctx, "her own") }) //nolint:errcheck // it may lose
			wg.Wait()
			synctest.Wait()
			require.Equal(t, conn.Name(), ada.Name())
			require.Equal(t, conn.Name(), last)
			require.Zero(t, breaks)
			require.Equal(t, []string{conn.Name()}, w.srv.Names())
		}
		require.NoError(t, ada.Close())
		require.NoError(t, watcher.Close())
	})
}

// Other clients are told of a change of name only if they ask for notices, and after they have been
// told of the client.
func TestRenameNotices(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{Notices: tellEverything}}, func(w *world) {
		var events kept[string]
		w.srv.OnJoin(func(c *Conn) {
			if c.Name() == "" {
				if err := c.Rename(w.ctx, "guest"); err != nil {
					t.Error(err)
				}
			}
		})
		w.serve()
		ada := w.client("ada")
		ada.OnClientConnect(func(p Presence) { events.Add("come " + p.Name) })
		ada.OnClientRename(func(old string, p Presence) { events.Add(fmt.Sprint(old, " is ", p.Name, p.Groups)) })
		ada.OnClientDisconnect(func(p Presence) { events.Add("gone " + p.Name) })
		w.join(ada)
		guest := w.client("", "red")
		told := renames(guest)
		w.join(guest)
		require.Equal(t, []string{" to guest"}, told.All())
		require.NoError(t, guest.Rename(w.ctx, "bob"))
		require.NoError(t, ada.Rename(w.ctx, "grace"))
		synctest.Wait()
		require.NoError(t, guest.Close())
		synctest.Wait()
		require.Equal(t, []string{"come guest", "guest is bob[]", "gone bob"}, events.All())
		require.NoError(t, ada.Close())
	})
}

// A client that registers only OnClientRename gets notices of renames. Other notices do no harm.
func TestOnlyOnClientRename(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{Notices: tellEverything}}, func(w *world) {
		var got kept[string]
		w.serve()
		ada := w.client("ada")
		ada.OnClientRename(func(old string, p Presence) { got.Add(old + " is " + p.Name); panic("not again") })
		w.join(ada)
		bob := w.join(w.client("bob"))
		require.NoError(t, bob.Rename(w.ctx, "eve"))
		synctest.Wait()
		require.NoError(t, bob.Close())
		synctest.Wait()
		require.Equal(t, []string{"bob is eve"}, got.All())
		require.NoError(t, ada.Err(), "a panic is recovered")
		require.NoError(t, ada.Close())
	})
}

// A client leaves a server that gives it a name that is not well formed.
func TestRenameByABadServer(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		cl := w.join(w.client("ada"))
		conn, err := w.srv.Client("ada")
		require.NoError(t, err)
		require.NoError(t, conn.sendOwn(wire.AppendRename(nil, "a\nb")))
		<-cl.Done()
		require.Equal(t, CodeBadName, CodeOf(cl.Err()))
		require.Equal(t, "ada", cl.Name())
	})
}

// isTooMany returns nil for the error of a client that asks for one group too many.
func isTooMany(err error) error {
	if IsRemote(err) && CodeOf(err) == CodeTooManyGroups {
		return nil
	}
	return fmt.Errorf("instead of too many groups: %w", err)
}

// An event of a group runs at the end that has not made the change, and also at a client that has
// asked for it. It does not run for a change without effect, or for the groups of the hello.
func TestGroupEvents(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxGroups: 2}}, func(w *world) {
		var atServer, atClient kept[string]
		w.srv.OnJoinGroup(func(c *Conn, group string) {
			atServer.Add(fmt.Sprint("in ", group, c.Groups()))
			if group == "trap" {
				if err := c.Leave(w.ctx, group); err != nil {
					t.Error(err)
				}
				panic("as the test asked for")
			}
		})
		w.srv.OnLeaveGroup(func(_ *Conn, group string) { atServer.Add("out of " + group) })
		w.serve()
		cl := w.client("ada", "red")
		cl.OnJoinGroup(func(c *Conn, group string) { atClient.Add(fmt.Sprint("in ", group, c.Groups())) })
		cl.OnLeaveGroup(func(_ *Conn, group string) { atClient.Add("out of " + group) })
		w.join(cl)
		conn, err := w.srv.Client("ada")
		require.NoError(t, err)
		steps := []struct {
			what       func() error
			srv, other []string
		}{
			{func() error { return cl.Join(w.ctx, "red") }, nil, nil},
			{func() error { return cl.Leave(w.ctx, "blue") }, nil, nil},
			{func() error { return cl.Join(w.ctx, "blue") }, []string{"in blue[blue red]"}, []string{"in blue[blue red]"}},
			{func() error { return isTooMany(cl.Join(w.ctx, "green")) }, nil, nil},
			{func() error { return conn.Leave(w.ctx, "red") }, nil, []string{"out of red"}},
			{func() error { return conn.Join(w.ctx, "white") }, nil, []string{"in white[blue white]"}},
			{func() error { return cl.Leave(w.ctx, "blue") }, []string{"out of blue"}, []string{"out of blue"}},
			{func() error { return cl.Join(w.ctx, "trap") }, []string{"in trap[trap white]"}, []string{"in trap[trap white]", "out of trap"}},
		}
		var wantServer, wantClient []string
		for i, s := range steps {
			require.NoError(t, s.what())
			synctest.Wait()
			wantServer, wantClient = append(wantServer, s.srv...), append(wantClient, s.other...)
			require.Equal(t, wantServer, atServer.All(), "step %d", i)
			require.Equal(t, wantClient, atClient.All(), "step %d", i)
		}
		require.NoError(t, cl.Close())
		synctest.Wait()
		require.Equal(t, wantServer, atServer.All(), "who goes does not leave each group")
	})
}
