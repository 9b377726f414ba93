//go:build !js

package core

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// With Authorize set and no authorizer for later changes, a client keeps the name and the groups
// that it was given. It may leave groups.
func TestAuthorizedClientsKeepWhatTheyAre(t *testing.T) {
	opts := &ServerOptions{Access: Access{Authorize: func(_ context.Context, a *Admission) error {
		a.Name = "user-" + a.Asked
		a.Groups = a.Groups[:1]
		return nil
	}}}
	inWorld(t, opts, func(w *world) {
		w.serve()
		mallory := w.join(w.client("mallory", "red", "staff"))
		require.Equal(t, "user-mallory[red]", fmt.Sprint(mallory.Name(), mallory.Groups()))
		require.Equal(t, "staff", mallory.RefusedGroups()[0].Group)

		err := mallory.Rename(w.ctx, "user-alice")
		require.Equal(t, CodeUnauthorized.String(), CodeOf(err).String())
		require.Equal(t, CodeUnauthorized, CodeOf(mallory.Rename(w.ctx, "")))
		require.NoError(t, mallory.Rename(w.ctx, "user-mallory"), "as it is called")
		require.Equal(t, CodeUnauthorized, CodeOf(mallory.Join(w.ctx, "staff")))
		require.NoError(t, mallory.Join(w.ctx, "red"), "where it is")
		require.Equal(t, CodeUnknownClient, CodeOf(w.srv.Named("user-alice").Send("secret", "x")))

		alice := w.client("alice", "red")
		got := make(chan string, 1)
		On(alice, "secret", func(_ context.Context, _ *Conn, s string) error { got <- s; return nil })
		w.join(alice)
		require.NoError(t, w.srv.Named("user-alice").Send("secret", "for alice"))
		require.Equal(t, "for alice", <-got)

		require.NoError(t, mallory.Leave(w.ctx, "red"))
		require.Equal(t, CodeUnauthorized, CodeOf(mallory.Join(w.ctx, "red")), "it is out of it")
		require.NoError(t, w.conn("user-mallory").Rename(w.ctx, "user-eve"), "the program asks nobody")
		require.NoError(t, w.conn("user-eve").Join(w.ctx, "staff"))
		require.NoError(t, mallory.Close())
		require.NoError(t, alice.Close())
	})
}

// The context of an authorizer ends when the client gives up and when the connection ends. Nothing
// has changed then.
func TestAuthorizerContext(t *testing.T) {
	ended := make(chan error, 1)
	wait := func(ctx context.Context, _ *Conn, _ string) error {
		<-ctx.Done()
		ended <- ctx.Err()
		return nil // too late
	}
	inWorld(t, &ServerOptions{Access: Access{AuthorizeName: wait, AuthorizeGroup: wait}}, func(w *world) {
		var faults kept[string]
		w.srv.OnError(func(_ *Conn, err error) { faults.Add(CodeOf(err).String()) })
		w.serve()
		ada := w.join(w.client("ada"))
		for _, change := range []func(context.Context, string) error{ada.Join, ada.Rename} {
			ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
			require.ErrorIs(t, change(ctx, "red"), context.DeadlineExceeded)
			cancel()
			require.ErrorIs(t, <-ended, context.Canceled)
			synctest.Wait()
			require.Equal(t, "ada[]", fmt.Sprint(w.conn("ada").Name(), w.conn("ada").Groups()))
		}
		result := make(chan error, 1)
		go func() { result <- ada.Join(w.ctx, "red") }()
		synctest.Wait()
		w.conn("ada").CloseWith(NewError(1500, "enough"))
		require.ErrorIs(t, <-ended, context.Canceled)
		require.Equal(t, Code(1500), CodeOf(<-result))
		synctest.Wait()
		require.Empty(t, faults.All(), "nobody wants to know any more")
	})
}

// The groups of a hello are decided within HelloTimeout.
func TestAuthorizeGroupHasTime(t *testing.T) {
	opts := &ServerOptions{Timeouts: Timeouts{Hello: 5 * time.Second}, Access: Access{AuthorizeGroup: func(ctx context.Context, _ *Conn, group string) error {
		if group == "fast" {
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}}}
	inWorld(t, opts, func(w *world) {
		w.serve()
		began := time.Now()
		ada := w.join(w.client("ada", "fast", "slow", "slower"))
		require.Equal(t, 5*time.Second, time.Since(began))
		require.Equal(t, []string{"fast"}, ada.Groups())
		require.Len(t, ada.RefusedGroups(), 2)
		for _, r := range ada.RefusedGroups() {
			require.Equal(t, CodeUnavailable.String(), r.Why.Code.String())
			require.NotZero(t, r.Why.RetryAfter)
		}
		require.NoError(t, ada.Close())
	})
}

// A client that joins anew is told of its refused groups anew. A client that is resumed is told
// nothing.
func TestRefusedGroupsAfterComingBack(t *testing.T) {
	joined := 0
	opts := &ServerOptions{Access: Access{AuthorizeGroup: func(_ context.Context, _ *Conn, group string) error {
		if joined++; joined > 1 {
			return NewError(CodeUnauthorized, "no more")
		}
		return NewError(CodeUnavailable, "not yet")
	}}}
	inWorld(t, opts, func(w *world) {
		w.serve()
		ada, _ := w.returning("ada", Retry{Min: time.Second, Max: time.Second}, "red")
		w.join(ada)
		for range 2 {
			require.Equal(t, "not yet", ada.RefusedGroups()[0].Why.Message)
			ada.Conn().sess.Link().Stream.Close() //nolint:errcheck // it breaks off
			time.Sleep(5 * time.Second)
		}
		synctest.Wait()
		require.Equal(t, uint64(2), ada.Stats().Resumed)
		first(w).CloseWith(NewError(CodeShutdown, ""))
		time.Sleep(5 * time.Second)
		synctest.Wait()
		require.Len(t, ada.RefusedGroups(), 1)
		require.Equal(t, "no more", ada.RefusedGroups()[0].Why.Message)
		require.NoError(t, ada.Close())
	})
}

// A welcome with refused groups fits into the frames that its client reads.
func TestRefusedGroupsFit(t *testing.T) {
	opts := &ServerOptions{Access: Access{AuthorizeGroup: func(context.Context, *Conn, string) error {
		return NewError(CodeUnauthorized, strings.Repeat("r", 2000))
	}}}
	for _, max := range []int{0, 4 << 10, 512} {
		t.Run(fmt.Sprint(max), func(t *testing.T) {
			inWorld(t, opts, func(w *world) {
				w.serve()
				var groups []string
				for i := range 60 {
					groups = append(groups, fmt.Sprint("a group with a long name ", i))
				}
				cl := newTestClient(w.lis, &ClientOptions{Name: "ada", Groups: groups, MaxFrame: max, Retry: Retry{Off: true}})
				require.NoError(w.t, cl.Connect(w.ctx))
				require.NotEmpty(w.t, cl.RefusedGroups())
				require.Equal(w.t, max != 512, len(cl.RefusedGroups()) == 60)
				require.Empty(w.t, cl.Groups())
				require.NoError(w.t, cl.Close())
			})
		})
	}
}
