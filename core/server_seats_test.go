//go:build !js

package core

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/internal/session"
	"github.com/hisock/hisock/core/wire"
)

// come sends a hello by hand as a device of a user. It returns the code with which it is refused,
// or CodeNone.
func (w *world) come(user, name string) (*coretest.Peer, Code) {
	w.t.Helper()
	p := w.helloOf(&wire.Hello{Name: name, Auth: []byte(user), Resume: true})
	f := p.Want()
	if f.Kind == wire.KindRefuse {
		no, err := wire.ParseRefuse(f.Body)
		require.NoError(w.t, err)
		p.Stream.Close() //nolint:errcheck // it is over
		return nil, no.Code
	}
	require.Equal(w.t, wire.KindWelcome, f.Kind)
	p.Send(wire.AppendAck(nil, 0))
	synctest.Wait()
	return p, CodeNone
}

// A newcomer whose name is taken comes in or is refused, depending on the option and on whether the
// holder is linked.
func TestNameConflict(t *testing.T) {
	tests := map[string]struct {
		conflict       Conflict
		holder, user   string
		away           bool
		code           Code
		name, takesFor string
	}{
		"default, a stranger":             {ConflictDefault, "ada", "eve", false, CodeNameTaken, "ada", ""},
		"default, a stranger, away":       {ConflictDefault, "ada", "eve", true, CodeNameTaken, "ada", ""},
		"default, the same user":          {ConflictDefault, "ada", "ada", false, CodeNameTaken, "ada", ""},
		"default, the same user, away":    {ConflictDefault, "ada", "ada", true, CodeNone, "ada", ""},
		"default, in another case":        {ConflictDefault, "ada", "ada", true, CodeNone, "ADA", ""},
		"default, nobody knows who, away": {ConflictDefault, "", "", true, CodeNameTaken, "ada", ""},
		"refuse, the same user, away":     {ConflictRefuse, "ada", "ada", true, CodeNameTaken, "ada", ""},
		"replace, a stranger":             {ConflictReplace, "ada", "eve", false, CodeNone, "ada", ""},
		"replace, away":                   {ConflictReplace, "", "", true, CodeNone, "ada", ""},
		"replace, another case":           {ConflictReplace, "", "", false, CodeNone, "Ada", ""},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, byUser(ServerOptions{Access: Access{UniqueNames: true, NameConflict: tc.conflict}}), func(w *world) {
				events := w.events()
				w.serve()
				first, code := w.come(tc.holder, "ada")
				require.Equal(t, CodeNone, code)
				if tc.away {
					first.Stream.Close() //nolint:errcheck // it is cut
					synctest.Wait()
				} else {
					go func() { // the holder hears that it was replaced, and goes
						first.Stream.Read(make([]byte, 1000)) //nolint:errcheck // as asked
						first.Stream.Close()                  //nolint:errcheck // as asked
					}()
				}
				start := time.Now()
				second, code := w.come(tc.user, tc.name)
				require.Equal(t, tc.code.String(), code.String())
				require.Zero(t, time.Since(start), "at once")
				require.Equal(t, 1, w.srv.Len())
				want := []string{"join ada"}
				if tc.away {
					want = append(want, "suspend ada")
				}
				if tc.code == CodeNone {
					want = append(want, "leave ada: replaced", "join "+tc.name)
					c := w.conn(tc.name)
					require.Equal(t, tc.user, c.User())
				}
				require.Equal(t, want, events.All())
				first.Stream.Close() //nolint:errcheck // it is over
				if second != nil {
					second.Stream.Close() //nolint:errcheck // it is over
				}
				require.NoError(t, w.srv.Shutdown(w.ctx))
				names, users := w.srv.roster.Seats()
				require.Zero(t, names+users)
			})
		})
	}
}

// A client that has been replaced is told so and does not come back. A suspended client is told
// when it comes with its token.
func TestReplacedIsFinal(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{UniqueNames: true, NameConflict: ConflictReplace}}, func(w *world) {
		events := w.events()
		w.serve()
		old := newTestClient(w.lis, &ClientOptions{Name: "ada", Codec: testCodec{}})
		w.clients = append(w.clients, old)
		w.join(old)
		w.join(w.client("ada"))
		<-old.Done()
		require.Equal(t, CodeReplaced, CodeOf(old.Err()))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"join ada", "leave ada: replaced", "join ada"}, events.All())

		away, code := w.come("", "bob")
		require.Equal(t, CodeNone, code)
		c := w.conn("bob")
		away.Stream.Close() //nolint:errcheck // it is cut
		synctest.Wait()
		w.join(w.client("bob"))
		p := w.helloOf(&wire.Hello{Name: "bob", Resume: true, Session: c.sess.ID(), Token: c.sess.Token()})
		p.WantRefuse(CodeReplaced, "")
		p = w.helloOf(&wire.Hello{Name: "bob", Resume: true, OnlyResume: true, Session: c.sess.ID(), Token: c.sess.Token()})
		p.WantRefuse(CodeReplaced, "")
		p = w.helloOf(&wire.Hello{Name: "bob 2", Resume: true, Session: c.sess.ID(), Token: make([]byte, session.TokenSize)})
		require.Equal(t, wire.KindWelcome, p.Want().Kind, "who has not the token learns nothing")
		p.Stream.Close() //nolint:errcheck // it is over
		require.False(t, w.conn("bob").isEnded())
	})
}

func TestReplacedAreKnownByTheirToken(t *testing.T) {
	srv := newTestServer(nil)
	c := &Conn{id: 7}
	c.sess.Open(session.Credentials{Token: []byte{7}}, true)
	srv.bury(c)
	require.True(t, srv.wasReplaced(&wire.Hello{Session: session.MakeID(0, 7), Token: []byte{7}}))
	require.False(t, srv.wasReplaced(&wire.Hello{Session: session.MakeID(0, 7), Token: []byte{8}}))
	require.False(t, srv.wasReplaced(&wire.Hello{Session: session.MakeID(0, 8), Token: []byte{7}}))
}

// The holder's leave handler returns before the newcomer's join handler runs. A newcomer that has
// to wait too long is refused.
func TestReplaceWaitsForLeave(t *testing.T) {
	for name, takes := range map[string]time.Duration{"a second": time.Second, "too long": time.Minute} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Access: Access{UniqueNames: true, NameConflict: ConflictReplace}, Timeouts: Timeouts{Hello: 10 * time.Second}}, func(w *world) {
				var events kept[string]
				w.srv.OnJoin(func(c *Conn) { events.Add("join") })
				w.srv.OnLeave(func(c *Conn, _ error) {
					events.Add("leaving")
					time.Sleep(takes)
					events.Add("left")
				})
				w.serve()
				w.join(w.client("ada"))
				err := w.client("ada").Connect(w.ctx)
				synctest.Wait()
				if takes == time.Second {
					require.NoError(t, err)
					require.Equal(t, []string{"join", "leaving", "left", "join"}, events.All())
					return
				}
				require.Equal(t, CodeNameTaken, CodeOf(err))
				require.Equal(t, []string{"join", "leaving"}, events.All())
				time.Sleep(time.Minute)
			})
		})
	}
}

// Renames follow the rules of NameConflict.
func TestRenameConflict(t *testing.T) {
	opts := byUser(ServerOptions{Access: Access{UniqueNames: true}, Limits: Limits{ChangeRate: -1}})
	opts.Access.AuthorizeName = func(context.Context, *Conn, string) error { return nil }
	inWorld(t, opts, func(w *world) {
		events := w.events()
		w.serve()
		ghost, code := w.come("ada", "ada")
		require.Equal(t, CodeNone, code)
		cl := w.join(w.device("ada", "ada (2)"))
		require.Equal(t, CodeNameTaken, CodeOf(cl.Rename(w.ctx, "ADA")), "it is there")
		ghost.Stream.Close() //nolint:errcheck // it is cut
		synctest.Wait()
		eve := w.join(w.device("eve", "eve"))
		require.Equal(t, CodeNameTaken, CodeOf(eve.Rename(w.ctx, "ada")), "it is not hers")
		require.NoError(t, cl.Rename(w.ctx, "ADA"))
		require.Equal(t, "ADA", cl.Name())
		require.Contains(t, events.All(), "leave ada: replaced")
		require.NoError(t, cl.Rename(w.ctx, "Ada"), "its own, in another case")
		require.Equal(t, CodeNameTaken, CodeOf(eve.Rename(w.ctx, "ada")))
		require.NoError(t, cl.Rename(w.ctx, "other"))
		require.NoError(t, eve.Rename(w.ctx, "ada"))
		require.Equal(t, []string{"ada", "other"}, w.srv.Names())
		names, _ := w.srv.roster.Seats()
		require.Equal(t, 2, names)
	})
}

// A handler that gives the name of its own connection to another does not wait for itself.
func TestRenameInHandlerOfTheHolder(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{UniqueNames: true, NameConflict: ConflictReplace}}, func(w *world) {
		Handle(w.srv, "give", func(ctx context.Context, _ *Conn, to string) (bool, error) {
			other, err := w.srv.Client(to)
			if err != nil {
				return false, err
			}
			return true, other.Rename(ctx, "ada")
		})
		w.serve()
		ada := w.join(w.client("ada"))
		w.join(w.client("bob"))
		_, err := Call[bool](w.ctx, ada, "give", "bob")
		require.Equal(t, CodeNameTaken, CodeOf(err))
		require.NoError(t, w.conn("bob").Rename(w.ctx, "ada"), "of nobody's handler")
		<-ada.Done()
		require.Equal(t, []string{"ada"}, w.srv.Names())
	})
}

// With Manual a rename waits for nobody: the rename itself may keep the holder from leaving.
func TestRenameConflictManual(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{UniqueNames: true, NameConflict: ConflictReplace}, Manual: true}, func(w *world) {
		w.serve()
		w.join(w.client("ada"))
		w.join(w.client("bob"))
		for w.srv.Update(0) > 0 {
			synctest.Wait()
		}
		bob := w.conn("bob")
		require.Equal(t, CodeNameTaken, CodeOf(bob.Rename(w.ctx, "ada")))
		synctest.Wait()
		w.srv.Update(0)
		require.NoError(t, bob.Rename(w.ctx, "ada"))
	})
}

// Newcomers and clients want one name at the same time. Each gets it in turn.
func TestNameWantedAtOnce(t *testing.T) {
	inWorld(t, &ServerOptions{Access: Access{UniqueNames: true, NameConflict: ConflictReplace}, Timeouts: Timeouts{Resume: -1}}, func(w *world) {
		w.serve()
		var there []*Conn
		for i := range 20 {
			name := strconv.Itoa(i)
			w.join(w.client(name))
			there = append(there, w.conn(name))
		}
		var wg sync.WaitGroup
		var refused atomic.Int64
		for _, c := range there {
			wg.Go(func() {
				if CodeOf(c.Rename(w.ctx, "ada")) == CodeNameTaken {
					refused.Add(1)
				}
			})
			cl := w.client("Ada")
			wg.Go(func() {
				if cl.Connect(w.ctx) != nil {
					refused.Add(1)
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		require.Zero(t, refused.Load())
		require.Len(t, slices.Collect(w.srv.Clients()), 1)
	})
}

// A look-up by name prefers linked clients to suspended ones.
func TestLookUpsPreferLinkedClients(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		ghost, _ := w.come("", "ada")
		ghost.Stream.Close() //nolint:errcheck // it is cut
		synctest.Wait()
		gone := w.conn("ada")
		require.True(t, gone.Suspended(), "there is nobody else")
		cl := w.client("ada")
		got := make(chan string, 1)
		On(cl, "news", func(_ context.Context, _ *Conn, text string) error { got <- text; return nil })
		w.join(cl)
		require.NotSame(t, gone, w.conn("ada"))
		require.NoError(t, w.srv.Named("ada").Send("news", "here"))
		require.Equal(t, "here", <-got)
		w.join(w.client("ada"))
		require.Equal(t, CodeAmbiguousName, CodeOf(w.srv.Named("ada").Send("news", "whose?")))
		_, err := w.srv.Client("Ada")
		require.Equal(t, CodeUnknownClient, CodeOf(err), "look-ups are exact")
	})
}
