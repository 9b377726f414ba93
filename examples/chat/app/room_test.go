package app

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/transport"
)

// A guest is a client of the room that records its messages.
type guest struct {
	*core.Client
	told []string // read it only while the bubble is idle
}

// enter connects a guest over l and waits until the bubble is idle.
func enter(t *testing.T, l *transport.PipeListener, name string) *guest {
	t.Helper()
	return enterAs(t, l, &core.ClientOptions{Name: name, Retry: core.Retry{Off: true}})
}

func enterAs(t *testing.T, d transport.Dialer, opts *core.ClientOptions) *guest {
	t.Helper()
	g := &guest{Client: newTestClient(d, opts)}
	core.On(g.Client, "here", func(_ context.Context, _ *core.Conn, in roll) error {
		for _, m := range in.Here {
			g.told = append(g.told, fmt.Sprint("here ", m.Name))
		}
		return nil
	})
	for _, command := range []string{"joined", "left", "renamed", "typing"} {
		core.On(g.Client, command, func(_ context.Context, _ *core.Conn, m member) error {
			g.told = append(g.told, fmt.Sprint(command, " ", m.Name))
			return nil
		})
	}
	core.On(g.Client, "said", func(_ context.Context, _ *core.Conn, in line) error {
		g.told = append(g.told, in.From+": "+in.Text)
		return nil
	})
	require.NoError(t, g.Connect(t.Context()))
	synctest.Wait()
	return g
}

// resumeWait is how long the session of a guest waits for it.
const resumeWait = 5 * time.Second

// openRoom serves a room in memory, in a bubble of synctest. Its command "stay" keeps
// a client's handler busy until release is closed.
func openRoom(t *testing.T, mw ...core.SendMiddleware) (r *room, l *transport.PipeListener, release chan struct{}) {
	t.Helper()
	opts := roomOptions()
	opts.Timeouts.Heartbeat, opts.Timeouts.Resume, opts.Limits.ChangeRate = -1, resumeWait, -1
	srv := newTestServer(&opts)
	srv.UseSend(mw...)
	r = newRoom(srv)
	release = make(chan struct{})
	core.On(srv, "stay", func(context.Context, *core.Conn, struct{}) error {
		<-release
		return nil
	})
	l = transport.NewPipeListener()
	served := make(chan error, 1)
	go func() { served <- srv.Serve(context.Background(), l) }()
	t.Cleanup(func() {
		select {
		case <-release:
		default:
			close(release) // the test has failed
		}
		require.NoError(t, srv.Shutdown(context.Background()))
		require.NoError(t, <-served)
		synctest.Wait()
	})
	return r, l, release
}

// A client that has gone stays in the room, and keeps its name, until its last handler has returned. The next client
// with the name joins after it has left.
func TestANameChangesHands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, l, release := openRoom(t)
		bob := enter(t, l, "bob")
		first := enter(t, l, "ada")
		require.NoError(t, first.Send("stay", nil))
		synctest.Wait()
		require.NoError(t, first.Close())
		synctest.Wait()
		err := newTestClient(l, &core.ClientOptions{Name: "ada"}).Connect(t.Context())
		require.Equal(t, core.CodeNameTaken, core.CodeOf(err), "the handler still runs: %v", err)
		require.Equal(t, []string{"here bob", "joined ada"}, bob.told)

		close(release)
		synctest.Wait()
		second := enter(t, l, "ada")
		require.Equal(t, []string{"here bob", "here ada"}, second.told)
		require.Equal(t, []string{"here bob", "joined ada", "left ada", "joined ada"}, bob.told)
		require.Len(t, r.here, 2)
	})
}

// A change of name must keep the rules for names. An allowed change is told to all,
// before the first message under the new name.
func TestNamesAreCheckedWhenTheyChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, l, _ := openRoom(t)
		bob, ada := enter(t, l, "bob"), enter(t, l, "ada")
		for name, code := range map[string]core.Code{
			"": core.CodeBadName, "* eve joined": core.CodeBadName, "bob: hello": core.CodeBadName,
			"bob\u200b": core.CodeBadName, " bob": core.CodeBadName, "bob\n": core.CodeBadName,
			strings.Repeat("n", maxName+1): core.CodeBadName, "bob": core.CodeNameTaken, "BOB": core.CodeNameTaken,
		} {
			require.Equal(t, code.String(), core.CodeOf(ada.Rename(t.Context(), name)).String(), "%q", name)
		}
		require.NoError(t, ada.count(t.Context(), 1))
		require.NoError(t, ada.Rename(t.Context(), "eve"))
		require.NoError(t, ada.count(t.Context(), 1))
		synctest.Wait()
		require.Equal(t, []string{"here bob", "joined ada", "ada: 0", "renamed eve", "eve: 0"}, bob.told)
		require.Equal(t, []string{"here bob", "here ada", "ada: 0", "renamed eve", "eve: 0"}, ada.told)
		late := enter(t, l, "late")
		require.Equal(t, []string{"here bob", "here eve", "here late", "ada: 0", "eve: 0"}, late.told)
		require.Len(t, r.here, 3)
	})
}

// A message of one member is queued for all before a message of another member is queued for anybody.
func TestAllHearInTheSameOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sending, most atomic.Int32
		_, l, _ := openRoom(t, func(next core.SendFunc) core.SendFunc {
			return func(out *core.Outgoing) error {
				if out.Command == "said" {
					most.Store(max(most.Load(), sending.Add(1)))
					defer sending.Add(-1)
					for range 50 {
						runtime.Gosched() // the other member sends now, if it can
					}
				}
				return next(out)
			}
		})
		ada, bob := enter(t, l, "ada"), enter(t, l, "bob")
		const each = 200
		said := make(chan error, 2)
		for _, g := range []*guest{ada, bob} {
			go func() { said <- g.count(t.Context(), each) }()
		}
		require.NoError(t, <-said)
		require.NoError(t, <-said)
		synctest.Wait()
		require.Len(t, bob.told, 2*each+len([]string{"here ada", "here bob"}))
		require.Equal(t, bob.told[2:], ada.told[2:])
		require.EqualValues(t, 1, most.Load(), "messages that were being sent at once")
	})
}

// count sends the numbers below n as messages.
func (g *guest) count(ctx context.Context, n int) error {
	for i := range n {
		if _, err := core.Call[struct{}](ctx, g.Client, "say", fmt.Sprint(i)); err != nil {
			return err
		}
	}
	return nil
}
