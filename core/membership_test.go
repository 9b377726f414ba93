//go:build !js

package core

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// Join, Leave and Rename at a client return when the server has answered. The client's own
// connection has changed by then: outside handlers, in a handler, in a hook, and with manual
// dispatch.
func TestChangesAreAwaited(t *testing.T) {
	steps := func(ctx context.Context, c *Conn) error { // one change after the other, each checked
		for _, step := range []struct {
			do   func() error
			want string
		}{
			{func() error { return c.Join(ctx, "red") }, "ada[red]"},
			{func() error { return c.Join(ctx, "red") }, "ada[red]"},
			{func() error { return c.Rename(ctx, "grace") }, "grace[red]"},
			{func() error { return c.Leave(ctx, "red") }, "grace[]"},
			{func() error { return c.Rename(ctx, "") }, "[]"},
			{func() error { return c.Rename(ctx, "ada") }, "ada[]"},
		} {
			if err := step.do(); err != nil {
				return err
			}
			if got := fmt.Sprint(c.Name(), c.Groups()); got != step.want {
				return errors.New(got + " instead of " + step.want)
			}
		}
		return nil
	}
	tests := map[string]func(w *world, cl *Client, done chan error){
		"outside": func(w *world, cl *Client, done chan error) {
			w.join(cl)
			done <- steps(w.ctx, cl.Conn())
		},
		"in a handler": func(w *world, cl *Client, done chan error) {
			On(cl, "go", func(ctx context.Context, c *Conn, _ struct{}) error { done <- steps(ctx, c); return nil })
			w.join(cl)
			require.NoError(w.t, w.conn("ada").Send("go", nil))
		},
		"in a concurrent handler": func(w *world, cl *Client, done chan error) {
			On(cl, "go", func(ctx context.Context, c *Conn, _ struct{}) error { done <- steps(ctx, c); return nil }, Concurrent())
			w.join(cl)
			require.NoError(w.t, w.conn("ada").Send("go", nil))
		},
		"in a hook of the state": func(w *world, cl *Client, done chan error) {
			cl.OnState(func(s State, _ error) {
				if s == StateConnected {
					c := cl.Conn()
					done <- steps(c.Context(), c)
				}
			})
			w.join(cl)
		},
		"in an event": func(w *world, cl *Client, done chan error) {
			first := true
			cl.OnJoinGroup(func(c *Conn, group string) {
				if first {
					first = false
					if err := c.Leave(c.Context(), group); err != nil {
						done <- err
						return
					}
					done <- steps(c.Context(), c)
				}
			})
			w.join(cl)
			require.NoError(w.t, w.conn("ada").Join(w.ctx, "first"))
		},
	}
	for name, begin := range tests {
		for _, manual := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", manual ", manual), func(t *testing.T) {
				inWorld(t, nil, func(w *world) {
					w.serve()
					cl := newTestClient(w.lis, &ClientOptions{Name: "ada", Manual: manual, Codec: testCodec{}, Retry: Retry{Off: true}})
					w.clients = append(w.clients, cl)
					done := make(chan error, 1)
					begin(w, cl, done)
					if manual {
						go cl.Run(w.ctx) //nolint:errcheck // ends with the connection
					}
					require.NoError(w.t, <-done)
					require.Equal(w.t, "ada", w.conn("ada").Name())
					require.NoError(w.t, cl.Close())
					<-cl.Done() // Run must see the end
				})
			})
		}
	}
}

// The caller gets the error with which the server refuses a change. Nothing changes.
func TestChangesAreRefused(t *testing.T) {
	refuse := NewError(1234, "not today")
	opts := &ServerOptions{
		Limits: Limits{MaxGroups: 1, MaxName: 10, ChangeRate: -1}, Access: Access{UniqueNames: true, ReservedNames: []string{"admin"}, AuthorizeName: func(_ context.Context, _ *Conn, name string) error {
			switch name {
			case "no":
				return fmt.Errorf("wrapped: %w", refuse)
			case "no code":
				return &Error{Message: "just no"}
			case "away":
				return errors.New("the database is away")
			case "panic":
				panic("the database is away")
			}
			return nil
		}, AuthorizeGroup: func(_ context.Context, _ *Conn, group string) error {
			if group == "no" {
				return refuse
			}
			return nil
		}},
	}
	inWorld(t, opts, func(w *world) {
		var faults kept[string]
		w.srv.OnError(func(_ *Conn, err error) { faults.Add(CodeOf(err).String()) })
		w.serve()
		bob, ada := w.join(w.client("bob")), w.join(w.client("ada", "red"))
		long := strings.Repeat("x", 11)
		for name, tc := range map[string]struct {
			err  error
			want Code
		}{
			"group, by the program":        {ada.Join(w.ctx, "no"), 1234},
			"group, one too many":          {ada.Join(w.ctx, "blue"), CodeTooManyGroups},
			"group, too long":              {ada.Join(w.ctx, long), CodeBadName},
			"name, by the program":         {ada.Rename(w.ctx, "no"), 1234},
			"name, without a code":         {ada.Rename(w.ctx, "no code"), CodeUnauthorized},
			"name, not decided":            {ada.Rename(w.ctx, "away"), CodeUnavailable},
			"name, not decided by a panic": {ada.Rename(w.ctx, "panic"), CodeUnavailable},
			"name, taken":                  {ada.Rename(w.ctx, "bob"), CodeNameTaken},
			"name, reserved":               {ada.Rename(w.ctx, "Admin"), CodeNameTaken},
			"name, too long":               {ada.Rename(w.ctx, long), CodeBadName},
		} {
			require.Equal(t, tc.want.String(), CodeOf(tc.err).String(), name)
			require.True(t, IsRemote(tc.err), name)
			require.NotContains(t, tc.err.Error(), "database", name)
		}
		require.Equal(t, "hisock: peer: code 1234: not today", ada.Join(w.ctx, "no").Error())
		require.Equal(t, "ada[red]", fmt.Sprint(ada.Name(), ada.Groups()))
		require.Equal(t, []string{"unavailable", "unavailable"}, faults.All(), "what was decided the client knows")
		for _, line := range w.log.Lines() {
			require.NotContains(t, line, "not today")
		}

		// A change that this end can refuse is not asked for.
		for name, err := range map[string]error{
			"bad group": ada.Join(w.ctx, "a\nb"), "no group": ada.Leave(w.ctx, ""), "bad name": ada.Rename(w.ctx, "a\nb"),
		} {
			require.Equal(t, CodeBadName.String(), CodeOf(err).String(), name)
			require.False(t, IsRemote(err), name)
		}
		gone, cancel := context.WithCancel(w.ctx)
		cancel()
		for _, c := range []*Conn{ada.Conn(), w.conn("ada")} {
			require.ErrorIs(t, c.Join(gone, "blue"), context.Canceled)
			require.ErrorIs(t, c.Leave(gone, "red"), context.Canceled)
			require.ErrorIs(t, c.Rename(gone, "eve"), context.Canceled)
		}
		require.Equal(t, "ada[red]", fmt.Sprint(ada.Name(), ada.Groups()))
		require.NoError(t, ada.Close())
		require.Equal(t, CodeClosed, CodeOf(ada.Join(w.ctx, "blue")))
		require.NoError(t, bob.Close())
	})
}

// A client that changes its name and groups too often gets an error, and nothing changes. The
// connection goes on.
func TestChangeRate(t *testing.T) {
	tests := map[string]struct {
		opts  ServerOptions
		burst int
		per   time.Duration
	}{
		"by default":      {ServerOptions{}, 64, 100 * time.Millisecond},
		"few groups":      {ServerOptions{Limits: Limits{MaxGroups: 3}}, 10, 100 * time.Millisecond},
		"faster":          {ServerOptions{Limits: Limits{MaxGroups: 3, ChangeRate: 200}}, 200, 5 * time.Millisecond},
		"slow":            {ServerOptions{Limits: Limits{MaxGroups: 2, ChangeRate: 1}}, 2, time.Second},
		"without a limit": {ServerOptions{Limits: Limits{ChangeRate: -1}}, 5000, 0},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &tc.opts, func(w *world) {
				t := w.t
				var heard, faults kept[string]
				w.srv.OnRename(func(_ *Conn, _, name string) { heard.Add(name) })
				w.srv.OnError(func(_ *Conn, err error) { faults.Add(err.Error()) })
				w.serve()
				ada := w.join(w.client("ada"))
				for i := range tc.burst {
					require.NoError(t, ada.Rename(w.ctx, fmt.Sprint(i)))
				}
				if tc.per > 0 {
					for range 100 { // the refused changes do not count
						err := ada.Rename(w.ctx, "more")
						require.Equal(t, CodeRateLimit.String(), CodeOf(err).String())
						require.True(t, IsRemote(err))
						require.Equal(t, CodeRateLimit, CodeOf(ada.Join(w.ctx, "red")))
						require.Equal(t, CodeRateLimit, CodeOf(ada.Leave(w.ctx, "red")))
					}
					time.Sleep(tc.per)
					require.NoError(t, ada.Join(w.ctx, "red"))
					require.Equal(t, CodeRateLimit, CodeOf(ada.Rename(w.ctx, "more")))
					require.NoError(t, w.conn(ada.Name()).Rename(w.ctx, "given"), "the program may")
				}
				require.Len(t, heard.All(), tc.burst)
				require.Empty(t, faults.All())
				require.NoError(t, ada.Close())
			})
		})
	}
}

// The last change that a client is told is the state that holds, however many change its groups at
// once.
func TestChangesAreToldInOrder(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{ChangeRate: -1}}, func(w *world) {
		w.serve()
		ada := w.join(w.client("ada"))
		conn := first(w)
		for round := range 200 {
			done := make(chan error, 8)
			for i := range 8 {
				change := []func(context.Context, string) error{conn.Join, conn.Leave, ada.Join, ada.Leave}[i%4]
				go func() { done <- change(w.ctx, "red") }()
			}
			for range 8 {
				require.NoError(t, <-done)
			}
			synctest.Wait()
			require.Equal(t, conn.Groups(), ada.Groups(), "round %d", round)
		}
		require.NoError(t, ada.Close())
	})
}

// Changes of name that arrive together are events with their own names, also if a slow handler
// keeps them waiting. The connection's name is already the last.
func TestRenameEventsOfTheirOwn(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var events kept[string]
		release := make(chan struct{})
		w.serve()
		ada := w.client("ada")
		On(ada, "slow", func(context.Context, *Conn, struct{}) error { <-release; return nil })
		ada.OnRename(func(c *Conn, old, name string) { events.Add(old + " to " + name + ", now " + c.Name()) })
		ada.OnJoinGroup(func(_ *Conn, group string) { events.Add("in " + group) })
		w.join(ada)
		conn := first(w)
		require.NoError(t, conn.Send("slow", nil))
		for _, name := range []string{"b", "c", "", "d"} {
			require.NoError(t, conn.Rename(w.ctx, name))
		}
		require.NoError(t, conn.Join(w.ctx, "red"))
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, "d[red]", fmt.Sprint(ada.Name(), ada.Groups()), "as soon as it is read")
		require.Empty(t, events.All(), "each in its turn")
		close(release)
		synctest.Wait()
		require.Equal(t, []string{"ada to b, now d", "b to c, now d", "c to , now d", " to d, now d", "in red"}, events.All())
		require.NoError(t, ada.Close())
	})
}

// A change that is requested while the connection breaks off is answered once, after the resume.
func TestChangesSurviveAResume(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var events, atServer kept[string]
		w.srv.OnJoinGroup(func(_ *Conn, group string) { atServer.Add(group) })
		w.serve()
		ada, _ := w.returning("ada", Retry{Min: time.Second, Max: time.Second})
		ada.OnJoinGroup(func(_ *Conn, group string) { events.Add(group) })
		w.join(ada)
		conn := first(w)
		for i := range 20 {
			group := fmt.Sprint("group ", i)
			result := make(chan error, 1)
			breakOff := func() { first(w).sess.Link().Stream.Close() } //nolint:errcheck // it breaks off
			if i%2 == 0 {
				breakOff()
			}
			go func() { result <- ada.Join(w.ctx, group) }()
			if i%2 == 1 {
				breakOff()
			}
			require.NoError(t, <-result)
			require.True(t, ada.Conn().InGroup(group))
			synctest.Wait()
		}
		require.Same(t, conn, first(w))
		require.Len(t, events.All(), 20)
		require.Equal(t, atServer.All(), events.All())
		require.NoError(t, ada.Close())
	})
}

// A change for whose event there was no room when the stream broke off is sent again. Its event
// runs once.
func TestStatementThatIsNotReceived(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var events kept[string]
		release := make(chan struct{})
		w.serve()
		ada := newTestClient(w.lis, &ClientOptions{Name: "ada", InboxBytes: 1, Codec: testCodec{}, Retry: Retry{Min: time.Second, Max: time.Second}})
		w.clients = append(w.clients, ada)
		On(ada, "slow", func(context.Context, *Conn, struct{}) error { <-release; return nil })
		ada.OnRename(func(_ *Conn, old, name string) { events.Add(old + " to " + name) })
		w.join(ada)
		conn := first(w)
		require.NoError(t, conn.Send("slow", nil))
		time.Sleep(time.Second) // the inbox holds one frame, whatever its size
		require.NoError(t, conn.Send("fill", nil))
		for _, name := range []string{"b", "c"} {
			require.NoError(t, conn.Rename(w.ctx, name))
		}
		time.Sleep(time.Second)
		synctest.Wait()
		require.Equal(t, "ada", ada.Name(), "there is no room for it")
		ada.Conn().sess.Link().Stream.Close() //nolint:errcheck // it breaks off
		time.Sleep(5 * time.Second)
		close(release)
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Equal(t, "c", ada.Name())
		require.Equal(t, []string{"ada to b", "b to c"}, events.All())
		require.Equal(t, uint64(1), ada.Stats().Resumed)
		require.NoError(t, ada.Close())
	})
}

// A request that waits for its turn can be given up, and then changes nothing.
func TestAsksAreCanceled(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		release := make(chan struct{})
		On(w.srv, "slow", func(context.Context, *Conn, struct{}) error { <-release; return nil })
		w.serve()
		p := w.hello(&wire.Hello{Name: "ada"})
		p.Send(wire.AppendCommand(nil, "slow", nil))
		p.Send(wire.AppendAsk(nil, wire.KindAskRename, 1, "eve"))
		p.Send(wire.AppendAsk(nil, wire.KindAskJoin, 2, "red"))
		p.Send(wire.AppendCancel(nil, 1))
		time.Sleep(time.Second)
		close(release)
		require.Equal(t, "red", p.WantName(wire.KindJoinGroup))
		id, code := p.WantAnswer()
		require.EqualValues(t, 2, id)
		require.Equal(t, CodeNone, code)
		require.Equal(t, "ada", w.conn("ada").Name())
		p.Stream.Close() //nolint:errcheck // it is over
	})
}

// Requests for changes count as calls. A request that comes while the server shuts down is
// answered.
func TestAsksCountAsCalls(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxCalls: 2}, Timeouts: Timeouts{Drain: time.Minute}}, func(w *world) {
		release := make(chan struct{})
		On(w.srv, "slow", func(context.Context, *Conn, struct{}) error { <-release; return nil })
		w.serve()
		p := w.hello(&wire.Hello{Name: "ada"})
		p.Send(wire.AppendCommand(nil, "slow", nil))
		time.Sleep(time.Second)
		for id := range uint64(3) {
			p.Send(wire.AppendAsk(nil, wire.KindAskJoin, id, fmt.Sprint(id)))
		}
		id, code := p.WantAnswer()
		require.EqualValues(t, 2, id)
		require.Equal(t, CodeTooManyCalls.String(), code.String())
		go w.srv.Shutdown(w.ctx) //nolint:errcheck // it is shut down again
		synctest.Wait()
		p.Send(wire.AppendAsk(nil, wire.KindAskRename, 9, "eve"))
		id, code = p.WantAnswer()
		require.EqualValues(t, 9, id)
		require.Equal(t, CodeShutdown.String(), code.String())
		close(release)
		p.WantGoodbye(CodeShutdown, "")
	})
}
