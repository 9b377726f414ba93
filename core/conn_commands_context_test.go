//go:build !js

package core

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/turn"
	"github.com/hisock/hisock/core/wire"
)

// The context of a call behaves like any other context, before its end and after.
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

// The context of a call and the contexts derived from it end when the call is given up.
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

// A call whose reading was taken over keeps its context exactly while its handler runs, whoever asks for the context
// first and when.
func TestContextOfCallThatWasTakenOver(t *testing.T) {
	asks := map[string]struct{ before, meanwhile bool }{
		"never": {}, "before": {before: true}, "meanwhile": {meanwhile: true}, "before and meanwhile": {true, true},
	}
	for name, tc := range asks {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				var kept context.Context
				w.srv.HandleBytes("slow", func(ctx context.Context, _ *Conn, _ []byte) ([]byte, error) {
					kept = ctx
					if tc.before {
						require.NoError(w.t, ctx.Err())
					}
					time.Sleep(time.Second)
					if tc.meanwhile {
						require.NoError(w.t, ctx.Err())
					}
					return nil, nil
				})
				w.serve()
				p := w.hello(&wire.Hello{})
				p.Send(requests(1, "slow"))
				wantAnswers(p, 1)
				synctest.Wait()
				require.Equal(t, context.Canceled, kept.Err())
				<-kept.Done()
				p.Stream.Close() //nolint:errcheck // it is over
			})
		})
	}
}

// A context that nobody asked for before its turn was over has ended. It is not mistaken for the context of another
// turn, also when a barrier takes the reading over afterwards.
func TestContextOfTurnThatIsOver(t *testing.T) {
	c := &Conn{life: lifetime{ctx: t.Context()}}
	c.turn.Init(1<<20, nil, false)
	tok := c.turn.Begin(turn.Handling)
	rd := &reader{}
	first, second := rd.newContext(c, tok.Next(), 2), rd.newContext(c, tok.Next().Next(), 1)
	tok, mine := c.turn.NextCall(tok, 0, 0, 1, first)
	require.True(t, mine)
	require.False(t, first.isPast())
	require.True(t, second.isPast(), "its turn has not begun")
	tok, mine = c.turn.NextCall(tok, 0, 0, 2, second)
	require.True(t, mine)
	first.turnEnded()
	require.NoError(t, second.Err())
	require.Equal(t, context.Canceled, first.Err())
	tok, mine = c.turn.Next(tok, 0, 0)
	require.True(t, mine)
	second.turnEnded()
	require.Equal(t, context.Canceled, second.Err())

	third := rd.newContext(c, tok.Next(), 1)
	tok, mine = c.turn.NextCall(tok, 0, 0, 3, third)
	require.True(t, mine)
	require.True(t, c.turn.EndCalls(tok))
	require.Equal(t, turn.Yours, c.turn.Bar(make(chan struct{})))
	require.True(t, third.isPast())
	require.Equal(t, context.Canceled, third.Err())
}

// A goroutine that asks for the context while its call ends sees it end.
func TestContextAskedForAtTheEnd(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		const calls = 200
		var wg sync.WaitGroup
		var kept []context.Context
		w.srv.HandleBytes("keep", func(ctx context.Context, _ *Conn, _ []byte) ([]byte, error) {
			kept = append(kept, ctx)
			for range 2 {
				wg.Go(func() { <-ctx.Done() })
			}
			runtime.Gosched()
			return nil, nil
		})
		w.serve()
		p := w.hello(&wire.Hello{})
		names := make([]string, calls)
		var ids []uint64
		for i := range names {
			names[i] = "keep"
			ids = append(ids, uint64(i)+1)
		}
		p.Send(requests(1, names...))
		wantAnswers(p, ids...)
		wg.Wait()
		for _, ctx := range kept {
			require.Equal(w.t, context.Canceled, ctx.Err())
		}
		p.Stream.Close() //nolint:errcheck // it is over
	})
}
