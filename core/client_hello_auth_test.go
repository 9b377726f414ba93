//go:build !js

package core

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// fresh has an Authorize that refuses tokens older than a minute, and a function that makes such
// tokens.
type fresh struct{ asked atomic.Int32 }

func (f *fresh) token(context.Context) ([]byte, error) {
	f.asked.Add(1)
	return []byte(strconv.FormatInt(time.Now().Unix(), 10)), nil
}

func (f *fresh) authorize(_ context.Context, a *Admission) error {
	at, err := strconv.ParseInt(string(a.Auth), 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)) > time.Minute {
		return NewError(CodeUnauthorized, "the token has expired")
	}
	return nil
}

// A client with an AuthFunc comes back after the server has ended its connection, although a token
// lives a minute. With a constant token it does not. The client asks AuthFunc for a token each time
// it joins, but not to resume its session.
func TestAuthFuncIsAskedAtEveryJoin(t *testing.T) {
	for _, constant := range []bool{false, true} {
		t.Run(fmt.Sprintf("constant %v", constant), func(t *testing.T) {
			f := &fresh{}
			inWorld(t, &ServerOptions{Access: Access{Authorize: f.authorize}}, func(w *world) {
				w.serve()
				opts := &ClientOptions{Name: "ada", AuthFunc: f.token}
				if constant {
					auth, _ := f.token(w.ctx)
					opts.Auth, opts.AuthFunc = auth, nil
				}
				cl := newTestClient(w.lis, opts)
				w.clients = append(w.clients, cl)
				w.join(cl)
				require.EqualValues(t, 1, f.asked.Load())

				time.Sleep(2 * time.Minute)
				cl.Conn().breakOff()
				time.Sleep(5 * time.Second)
				synctest.Wait()
				require.EqualValues(t, 1, cl.Stats().Resumed, "the session proves who it is")
				require.EqualValues(t, 1, f.asked.Load())

				w.only().CloseWith(&Error{Code: CodeShutdown, RetryAfter: time.Second})
				time.Sleep(5 * time.Second)
				synctest.Wait()
				if constant {
					require.Equal(t, CodeUnauthorized, CodeOf(cl.Err()))
					return
				}
				require.NoError(t, cl.Err())
				require.Equal(t, []string{"ada"}, w.srv.Names())
				require.EqualValues(t, 2, f.asked.Load())
				require.NoError(t, cl.Close())
			})
		})
	}
}

// A client asks AuthFunc again if the server has forgotten the session and the client does not know
// that. It never joins with its old auth or without auth.
func TestAuthFuncIsAskedWhenTheSessionIsOver(t *testing.T) {
	f := &fresh{}
	var joined atomic.Int32
	opts := &ServerOptions{Timeouts: Timeouts{Resume: time.Second}}
	opts.Access.Authorize = func(ctx context.Context, a *Admission) error {
		joined.Add(1)
		if len(a.Auth) == 0 {
			return nil // guests are welcome
		}
		return f.authorize(ctx, a)
	}
	inWorld(t, opts, func(w *world) {
		w.serve()
		var net network
		cl, _ := w.over(&net, ClientOptions{Name: "ada", AuthFunc: f.token})
		w.join(cl)
		for range 3 {
			time.Sleep(time.Minute)
			synctest.Wait()
			asked, before := f.asked.Load(), joined.Load()
			net.fail(false)
			time.Sleep(3 * time.Second)
			net.mend()
			time.Sleep(2 * time.Minute)
			synctest.Wait()
			require.NoError(t, cl.Err())
			require.Equal(t, asked+1, f.asked.Load())
			require.Equal(t, before+1, joined.Load(), "it never asks to join as nobody")
			require.NotEmpty(t, w.only().Auth())
		}
		require.NoError(t, cl.Close())
	})
}

// A hello that may only resume is refused with a code that says why. It does not join.
func TestOnlyResumeIsRefused(t *testing.T) {
	tests := map[string]wire.Hello{
		"no session":     {},
		"a strange one":  {Session: make([]byte, 8), Token: make([]byte, 16)},
		"a wrong token":  {Session: []byte{1, 0, 0, 0, 0, 0, 0, 0}, Token: make([]byte, 16)},
		"a name as well": {Name: "eve", Groups: []string{"staff"}, Session: make([]byte, 8), Token: make([]byte, 16)},
	}
	for name, h := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.serve()
				ada, _ := w.returning("ada", Retry{})
				w.join(ada)
				h.OnlyResume = true
				w.helloOf(&h).WantRefuse(CodeSessionOver, "")
				require.Equal(t, []string{"ada"}, w.srv.Names())
				require.NoError(t, ada.Close())
			})
		})
	}
}

// An error of AuthFunc that is not final costs one attempt.
func TestAuthFuncFails(t *testing.T) {
	secret := errors.New("hunter2")
	tests := map[string]struct {
		fail  func(ctx context.Context) ([]byte, error)
		code  Code
		final bool
	}{
		"an error":          {fail: func(context.Context) ([]byte, error) { return nil, secret }, code: CodeUnavailable},
		"a panic":           {fail: func(context.Context) ([]byte, error) { panic(secret) }, code: CodeUnavailable},
		"an end":            {fail: func(context.Context) ([]byte, error) { runtime.Goexit(); return nil, nil }, code: CodeUnavailable},
		"its time":          {fail: func(ctx context.Context) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() }, code: CodeUnavailable},
		"heeds no context":  {fail: func(context.Context) ([]byte, error) { time.Sleep(time.Minute); return nil, nil }, code: CodeUnavailable},
		"an Error to heal":  {fail: func(context.Context) ([]byte, error) { return nil, NewError(CodeConnLost, "") }, code: CodeConnLost},
		"an Error, later":   {fail: func(context.Context) ([]byte, error) { return nil, &Error{Code: 1500, RetryAfter: time.Second} }, code: 1500},
		"a final Error":     {fail: func(context.Context) ([]byte, error) { return nil, NewError(CodeUnauthorized, "logged out") }, code: CodeUnauthorized, final: true},
		"a final, wrapped":  {fail: func(context.Context) ([]byte, error) { return nil, fmt.Errorf("x: %w", NewError(1501, "")) }, code: 1501, final: true},
		"a nil Error: none": {fail: func(context.Context) ([]byte, error) { return nil, (*Error)(nil) }, code: CodeNone},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.serve()
				var failing atomic.Bool
				log := &coretest.Log{}
				cl := newTestClient(w.lis, &ClientOptions{Logger: log, AuthFunc: func(ctx context.Context) ([]byte, error) {
					if failing.Load() {
						return tc.fail(ctx)
					}
					return nil, nil
				}})
				failing.Store(true)
				err := cl.Connect(w.ctx)
				require.Equal(t, tc.code.String(), CodeOf(err).String())
				require.False(t, IsRemote(err))
				if tc.code != CodeNone {
					time.Sleep(time.Minute) // until the slowest AuthFunc has returned
					failing.Store(false)
					w.join(cl)
					failing.Store(true)
				}
				w.only().CloseWith(NewError(CodeShutdown, ""))
				time.Sleep(5 * time.Second)
				failing.Store(false)
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				require.NotContains(t, log.EveryForm(), secret.Error())
				if tc.final {
					require.Equal(t, tc.code.String(), CodeOf(cl.Err()).String())
					<-cl.Done()
					return
				}
				require.NoError(t, cl.Err())
				require.Equal(t, 1, w.srv.Len())
				require.NoError(t, cl.Close())
			})
		})
	}
}

// Close ends the context of an AuthFunc. It does not wait for an AuthFunc that ignores its context.
func TestCloseEndsAuthFunc(t *testing.T) {
	for _, heeds := range []bool{true, false} {
		inWorld(t, nil, func(w *world) {
			w.serve()
			cl := newTestClient(w.lis, &ClientOptions{AuthFunc: func(ctx context.Context) ([]byte, error) {
				if heeds {
					<-ctx.Done()
				} else {
					time.Sleep(time.Minute)
				}
				return nil, ctx.Err()
			}})
			start := time.Now()
			connected := make(chan error, 1)
			go func() { connected <- cl.Connect(w.ctx) }()
			synctest.Wait()
			require.NoError(t, cl.Close())
			require.Equal(t, CodeClosed, CodeOf(<-connected))
			require.Zero(t, time.Since(start))
			time.Sleep(time.Minute)
		})
	}
}
