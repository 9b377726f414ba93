//go:build !js

package core

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A call's context is like any other for who looks at it, before it ends and after.
func TestCallContext(t *testing.T) {
	type key struct{}
	why := errors.New("the connection is lost")
	ends := map[string]struct {
		end   func(conn context.CancelCauseFunc, call context.CancelFunc)
		cause error
	}{
		"with the call":       {func(_ context.CancelCauseFunc, call context.CancelFunc) { call() }, context.Canceled},
		"with the connection": {func(conn context.CancelCauseFunc, _ context.CancelFunc) { conn(why) }, why},
		"with both, the call first": {func(conn context.CancelCauseFunc, call context.CancelFunc) {
			call()
			call()
			conn(why)
		}, context.Canceled},
	}
	uses := map[string]func(t *testing.T, ctx context.Context){
		"not at all": func(*testing.T, context.Context) {},
		"Done":       func(t *testing.T, ctx context.Context) { require.NotNil(t, ctx.Done()) },
		"Err":        func(t *testing.T, ctx context.Context) { require.NoError(t, ctx.Err()) },
		"Cause":      func(t *testing.T, ctx context.Context) { require.NoError(t, context.Cause(ctx)) },
		"a child":    func(t *testing.T, ctx context.Context) { _, cancel := context.WithCancel(ctx); t.Cleanup(cancel) },
	}
	for name, tc := range ends {
		for used, use := range uses {
			t.Run(name+", used for "+used, func(t *testing.T) {
				parent, end := context.WithCancelCause(context.WithValue(t.Context(), key{}, "v"))
				ctx, cancel := newCallContext(&Conn{life: lifetime{ctx: parent}})
				use(t, ctx)
				require.Equal(t, "v", ctx.Value(key{}))
				_, has := ctx.Deadline()
				require.False(t, has)
				tc.end(end, cancel)
				require.Equal(t, context.Canceled, ctx.Err())
				require.Equal(t, tc.cause, context.Cause(ctx))
				<-ctx.Done()
				require.Equal(t, "v", ctx.Value(key{}))
				child, stop := context.WithTimeout(ctx, time.Hour)
				defer stop()
				require.Equal(t, context.Canceled, child.Err())
				end(nil)
			})
		}
	}
}

// A call that is given up ends what its handler waits for, and what that has begun.
func TestCallContextEndsWaiting(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		ended := make(chan error, 1)
		w.srv.HandleBytes("wait", func(ctx context.Context, _ *Conn, _ []byte) ([]byte, error) {
			child, cancel := context.WithTimeout(ctx, time.Hour)
			defer cancel()
			<-child.Done()
			ended <- child.Err()
			return nil, child.Err()
		})
		w.serve()
		cl := w.join(w.client("ada"))
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		_, err := cl.CallBytes(ctx, "wait", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		require.Equal(t, context.Canceled, <-ended)
		require.NoError(t, cl.Close())
	})
}
