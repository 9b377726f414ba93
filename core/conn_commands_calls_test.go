//go:build !js

package core

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// requests returns calls to names, with consecutive ids from first on.
func requests(first uint64, names ...string) (frames []byte) {
	for i, name := range names {
		frames = wire.AppendRequest(frames, first+uint64(i), name, []byte{byte(i)})
	}
	return frames
}

// wantAnswers reads one answer for each of the ids, in that order, and wants each to succeed.
func wantAnswers(p *coretest.Peer, ids ...uint64) {
	p.T.Helper()
	for _, id := range ids {
		f := p.Want()
		require.Equal(p.T, wire.KindReply, f.Kind)
		got, _, err := wire.ParseReply(f.Body)
		require.NoError(p.T, err)
		require.Equal(p.T, id, got)
	}
}

// The context of a call lives while its handler runs. It has ended when the next handler begins,
// and stays ended for a handler that keeps it.
func TestContextsOfCallsInARow(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		var kept []context.Context
		w.srv.HandleBytes("keep", func(ctx context.Context, c *Conn, _ []byte) ([]byte, error) {
			if len(kept)%2 == 0 && ctx.Err() != nil {
				return nil, errors.New("it has ended before it began")
			}
			for _, earlier := range kept {
				if earlier == ctx || earlier.Err() != context.Canceled {
					return nil, errors.New("the context of an earlier call has not ended")
				}
			}
			if handlerConn(ctx) != c {
				return nil, errors.New("it belongs to another connection")
			}
			kept = append(kept, ctx)
			return nil, nil
		})
		w.serve()
		p := w.hello(&wire.Hello{})
		names := make([]string, 3*manyContexts)
		var ids []uint64
		for i := range names {
			names[i] = "keep"
			ids = append(ids, uint64(i)+1)
		}
		p.Send(requests(1, names...))
		wantAnswers(p, ids...)
		p.Send(requests(1, names...)) // the ids are free again
		wantAnswers(p, ids...)
		synctest.Wait()
		require.Len(t, kept, 2*len(names))
		for _, ctx := range kept {
			<-ctx.Done()
			require.Equal(t, context.Canceled, context.Cause(ctx))
		}
		p.Stream.Close() //nolint:errcheck // it is over
	})
}

// Calls that follow each other at once are answered, given up and refused for their ids as usual if
// the reading is taken from the handler of a slow call among them.
func TestSlowCallAmongQuickOnes(t *testing.T) {
	tests := map[string]struct {
		meanwhile []byte // sent while the slow call, whose id is 3, runs
		answers   []uint64
		fails     uint64 // the id in answers that is answered by a failure
	}{
		"all are answered":               {answers: []uint64{3, 4, 5}},
		"the slow one is given up":       {meanwhile: wire.AppendCancel(nil, 3), answers: []uint64{4, 5}},
		"one that waits is given up":     {meanwhile: wire.AppendCancel(nil, 4), answers: []uint64{3, 5}},
		"an answered one is given up":    {meanwhile: wire.AppendCancel(nil, 2), answers: []uint64{3, 4, 5}},
		"the id of one that was before":  {meanwhile: requests(2, "quick"), answers: []uint64{3, 4, 5, 2}},
		"the id of the slow one, later":  {meanwhile: append(wire.AppendCancel(nil, 3), requests(6, "quick")...), answers: []uint64{4, 5, 6}},
		"it panics":                      {meanwhile: wire.AppendCommand(nil, "crash", nil), answers: []uint64{3, 4, 5}, fails: 3},
		"the id of one that still waits": {meanwhile: requests(5, "quick"), answers: []uint64{3, 4, 5, 5}},
	}
	for name, tc := range tests {
		for _, by := range []string{"the sweeper", "the handler"} {
			t.Run(name+", taken by "+by, func(t *testing.T) {
				inWorld(t, nil, func(w *world) {
					open := make(chan struct{})
					crash := false
					w.srv.OnBytes("crash", func(context.Context, *Conn, []byte) error { return nil })
					w.srv.HandleBytes("quick", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { return b, nil })
					w.srv.HandleBytes("slow", func(ctx context.Context, c *Conn, b []byte) ([]byte, error) {
						if by == "the handler" {
							yield(handlerConn(ctx))
						}
						select {
						case <-open:
						case <-ctx.Done():
						}
						if crash {
							panic("as it should")
						}
						return b, nil
					})
					w.serve()
					p := w.hello(&wire.Hello{})
					p.Send(requests(1, "quick", "quick", "slow", "quick", "quick"))
					wantAnswers(p, 1, 2)
					time.Sleep(3 * handlerTick)
					crash = tc.fails != 0
					p.Send(tc.meanwhile)
					time.Sleep(3 * handlerTick)
					close(open)
					for _, id := range tc.answers {
						if id != tc.fails {
							wantAnswers(p, id)
							continue
						}
						f := p.Want()
						require.Equal(t, wire.KindFailure, f.Kind)
						got, why, err := wire.ParseFailure(f.Body)
						require.NoError(t, err)
						require.Equal(t, id, got)
						require.Equal(t, CodeInternal, why.Code)
					}
					synctest.Wait()
					c := first(w)
					require.Zero(t, c.serving.len())
					p.Send(requests(1, "quick", "quick")) // the reader is back
					wantAnswers(p, 1, 2)
					synctest.Wait()
					require.Equal(t, uint64(5+2+len(framesOf(tc.meanwhile))), c.Stats().Received)
					p.Stream.Close() //nolint:errcheck // it is over
				})
			})
		}
	}
}

// framesOf returns the counted frames in b.
func framesOf(b []byte) (frames []wire.Frame) {
	for len(b) > 0 {
		f, size, _, _ := wire.Next(b, 0)
		if b = b[size:]; f.Kind.Counted() {
			frames = append(frames, f)
		}
	}
	return frames
}

// A call with the id of a call that is being handled ends the connection, whichever goroutine reads
// it.
func TestCallUnderTheIDOfASlowOne(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.srv.HandleBytes("slow", func(ctx context.Context, _ *Conn, b []byte) ([]byte, error) { <-ctx.Done(); return b, nil })
		w.srv.HandleBytes("beside", func(ctx context.Context, _ *Conn, b []byte) ([]byte, error) { <-ctx.Done(); return b, nil }, Concurrent())
		w.srv.HandleBytes("quick", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { return b, nil })
		w.serve()
		p := w.hello(&wire.Hello{})
		p.Send(requests(7, "beside", "quick"))
		wantAnswers(p, 8)
		p.Send(requests(7, "quick"))
		p.WantGoodbye(CodeProtocol, "")
		p = w.hello(&wire.Hello{})
		p.Send(requests(7, "slow"))
		time.Sleep(3 * handlerTick)
		p.Send(requests(7, "beside"))
		p.WantGoodbye(CodeProtocol, "")
	})
}

// A handler of a call that panics or fails does not affect the calls after it.
func TestCallsInARowFailEachByItself(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.srv.HandleBytes("quick", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { return b, nil })
		w.srv.HandleBytes("crash", func(context.Context, *Conn, []byte) ([]byte, error) { panic("as it should") })
		w.srv.HandleBytes("fail", func(context.Context, *Conn, []byte) ([]byte, error) { return nil, NewError(1234, "") })
		w.srv.HandleBytes("nothing", func(context.Context, *Conn, []byte) ([]byte, error) { var e *Error; return nil, e })
		w.serve()
		p := w.hello(&wire.Hello{})
		p.Send(requests(1, "quick", "crash", "quick", "fail", "nothing", "unknown", "quick"))
		for id, code := range []Code{0, CodeInternal, 0, 1234, 0, CodeUnknownCommand, 0} {
			if code == 0 {
				wantAnswers(p, uint64(id)+1)
				continue
			}
			_, why, err := wire.ParseFailure(p.Want().Body)
			require.NoError(t, err)
			require.Equal(t, code, why.Code)
		}
		p.Stream.Close() //nolint:errcheck // it is over
	})
}

// Calls over the limit are refused at once. The connection and the earlier calls go on.
func TestMaxCalls(t *testing.T) {
	tests := map[string][]HandlerOption{
		"one at a time": nil,
		"concurrent":    {Concurrent()},
	}
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Limits: Limits{MaxCalls: 5}}, func(w *world) {
				release := make(chan struct{})
				w.srv.HandleBytes("slow", func(context.Context, *Conn, []byte) ([]byte, error) { <-release; return nil, nil }, opts...)
				w.serve()
				p := w.hello(&wire.Hello{})
				for id := range uint64(5) {
					p.Send(wire.AppendRequest(nil, id+1, "slow", nil))
					time.Sleep(3 * handlerTick)
				}
				for id := range uint64(3) {
					p.Send(wire.AppendRequest(nil, id+10, "slow", nil))
					got, code := p.WantAnswer()
					require.Equal(t, id+10, got)
					require.Equal(t, CodeTooManyCalls.String(), code.String())
				}
				close(release)
				var answered []uint64
				for range 5 {
					id, code := p.WantAnswer()
					require.Equal(t, CodeNone, code)
					answered = append(answered, id)
				}
				require.ElementsMatch(t, []uint64{1, 2, 3, 4, 5}, answered)
				synctest.Wait()
				p.Send(wire.AppendRequest(nil, 20, "slow", nil))
				id, code := p.WantAnswer()
				require.Equal(t, uint64(20), id)
				require.Equal(t, CodeNone, code)
			})
		})
	}
}

// A call that was given up while it waited does not count against MaxCalls.
func TestMaxCallsGivenUp(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxCalls: 3}}, func(w *world) {
		release := make(chan struct{})
		w.srv.HandleBytes("slow", func(context.Context, *Conn, []byte) ([]byte, error) { <-release; return nil, nil })
		w.serve()
		p := w.hello(&wire.Hello{})
		p.Send(wire.AppendRequest(nil, 1, "slow", nil))
		time.Sleep(3 * handlerTick)
		for id := uint64(2); id < 50; id++ {
			p.Send(wire.AppendRequest(nil, id, "slow", nil))
			p.Send(wire.AppendCancel(nil, id))
			p.Send(wire.AppendCancel(nil, id))
		}
		p.Send(wire.AppendRequest(nil, 50, "slow", nil))
		p.Send(wire.AppendRequest(nil, 51, "slow", nil))
		p.Send(wire.AppendRequest(nil, 52, "slow", nil))
		id, code := p.WantAnswer()
		require.Equal(t, uint64(52), id)
		require.Equal(t, CodeTooManyCalls.String(), code.String())
		close(release)
		for _, want := range []uint64{1, 50, 51} {
			id, code := p.WantAnswer()
			require.Equal(t, want, id)
			require.Equal(t, CodeNone, code)
		}
		synctest.Wait()
		require.Zero(t, first(w).callsOpen())
	})
}
