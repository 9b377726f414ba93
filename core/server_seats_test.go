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
	require.True(t, srv.wasReplaced(&wire.Hello{Session: session.MakeID(7), Token: []byte{7}}))
	require.False(t, srv.wasReplaced(&wire.Hello{Session: session.MakeID(7), Token: []byte{8}}))
	require.False(t, srv.wasReplaced(&wire.Hello{Session: session.MakeID(8), Token: []byte{7}}))
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

// A user has no more connections than MaxConnsPerUser, however many come at once. The option
// UserConflict decides about one more.
func TestMaxConnsPerUser(t *testing.T) {
	tests := map[string]struct {
		conflict Conflict
		away     []bool // the connections that are there: whether each is suspended
		code     Code
		goes     int // index of the connection that is ended
	}{
		"default":               {ConflictDefault, []bool{false, false}, CodeTooManyConns, -1},
		"default, one is away":  {ConflictDefault, []bool{false, true}, CodeNone, 1},
		"refuse, one is away":   {ConflictRefuse, []bool{false, true}, CodeTooManyConns, -1},
		"replace":               {ConflictReplace, []bool{false, false}, CodeNone, 0},
		"replace, one is away":  {ConflictReplace, []bool{false, true}, CodeNone, 1},
		"replace, all are away": {ConflictReplace, []bool{true, true}, CodeNone, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, byUser(ServerOptions{Limits: Limits{MaxConnsPerUser: 2}, Access: Access{UserConflict: tc.conflict}}), func(w *world) {
				w.serve()
				var peers []*coretest.Peer
				for range tc.away {
					p, code := w.come("ada", "")
					require.Equal(t, CodeNone, code)
					peers = append(peers, p)
				}
				for i, p := range peers {
					if tc.away[i] {
						p.Stream.Close() //nolint:errcheck // it is cut
					}
				}
				synctest.Wait()
				ids := map[uint64]int{}
				for c := range w.srv.User("ada").Clients() {
					ids[c.ID()] = int(c.ID()) - 1
				}
				if tc.goes >= 0 && !tc.away[tc.goes] {
					go peers[tc.goes].Stream.Close() //nolint:errcheck // the holder goes when it hears of it
				}
				more, code := w.come("ada", "")
				require.Equal(t, tc.code.String(), code.String())
				require.Equal(t, 2, w.srv.User("ada").Len())
				for c := range w.srv.User("ada").Clients() {
					if i, was := ids[c.ID()]; was {
						require.NotEqual(t, tc.goes, i)
					}
				}
				other, code := w.come("eve", "")
				require.Equal(t, CodeNone, code)
				for _, p := range append(peers, more, other) {
					if p != nil {
						p.Stream.Close() //nolint:errcheck // it is over
					}
				}
			})
		})
	}
}

// A newcomer that needs a place of its user and a name ends as few others as possible, and none if
// it is refused.
func TestPlaceAndName(t *testing.T) {
	tests := map[string]struct {
		name, place Conflict
		user, asks  string
		code        Code
		here        []string
	}{
		"who has the name has the place": {ConflictReplace, ConflictReplace, "ada", "phone", CodeNone, []string{"desk", "eve", "phone"}},
		"another of the user has it":     {ConflictReplace, ConflictReplace, "ada", "tv", CodeNone, []string{"eve", "phone", "tv"}},
		"the place may not be taken":     {ConflictReplace, ConflictRefuse, "ada", "tv", CodeTooManyConns, []string{"desk", "eve", "phone"}},
		"but with the name":              {ConflictReplace, ConflictRefuse, "ada", "phone", CodeNone, []string{"desk", "eve", "phone"}},
		"nor for the name of another":    {ConflictReplace, ConflictRefuse, "ada", "eve", CodeTooManyConns, []string{"desk", "eve", "phone"}},
		"the name may not be taken":      {ConflictRefuse, ConflictReplace, "ada", "eve", CodeNameTaken, []string{"desk", "eve", "phone"}},
		"nor from its own user":          {ConflictRefuse, ConflictReplace, "ada", "phone", CodeNameTaken, []string{"desk", "eve", "phone"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			opts := ServerOptions{Limits: Limits{MaxConnsPerUser: 2}, Access: Access{UserConflict: tc.place, UniqueNames: true, NameConflict: tc.name}}
			inWorld(t, byUser(opts), func(w *world) {
				w.serve()
				first := map[string]*Conn{}
				for _, d := range [][2]string{{"ada", "desk"}, {"ada", "phone"}, {"eve", "eve"}} {
					w.join(w.device(d[0], d[1]))
					first[d[1]] = w.conn(d[1])
				}
				err := w.device(tc.user, tc.asks).Connect(w.ctx)
				require.Equal(t, tc.code.String(), CodeOf(err).String())
				synctest.Wait()
				require.Equal(t, tc.here, w.srv.Names())
				for _, n := range tc.here {
					if n != tc.asks || tc.code != CodeNone {
						require.Same(t, first[n], w.conn(n), "it was not ended")
					}
				}
			})
		})
	}
}

func TestMaxConnsPerUserAtOnce(t *testing.T) {
	for name, conflict := range map[string]Conflict{"refuse": ConflictDefault, "replace": ConflictReplace} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, byUser(ServerOptions{Limits: Limits{MaxConnsPerUser: 3}, Access: Access{UserConflict: conflict}, Timeouts: Timeouts{Resume: -1}}), func(w *world) {
				var here, most, joined atomic.Int64
				w.srv.OnJoin(func(*Conn) {
					joined.Add(1)
					n := here.Add(1)
					for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
					}
				})
				w.srv.OnLeave(func(*Conn, error) { here.Add(-1) })
				w.serve()
				var wg sync.WaitGroup
				var refused atomic.Int64
				for range 40 {
					cl := w.device("ada", "")
					wg.Go(func() {
						if cl.Connect(w.ctx) != nil {
							refused.Add(1)
						}
					})
				}
				wg.Wait()
				synctest.Wait()
				require.EqualValues(t, 3, most.Load())
				require.Equal(t, 3, w.srv.User("ada").Len())
				if conflict == ConflictReplace {
					require.Zero(t, refused.Load(), "each was welcomed, if only to be told that it is replaced")
					require.LessOrEqual(t, joined.Load(), int64(40), "one that is replaced before its welcome has not joined")
				}
				w.srv.User("ada").Disconnect(nil)
			})
		})
	}
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
