package core

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

func TestCallErrors(t *testing.T) {
	tests := map[string]struct {
		command string
		in      any
		code    Code
		message string
	}{
		"no handler":               {command: "nope", code: CodeUnknownCommand, message: "no handler for call nope"},
		"payload does not convert": {command: "double", in: "three", code: CodeBadPayload, message: `payload "three" is not of type int`},
		"own code":                 {command: "own", code: 1234, message: "not today"},
		"plain error stays here":   {command: "plain", code: CodeInternal, message: "the handler failed"},
		"panic":                    {command: "panic", code: CodeInternal, message: "the handler failed"},
		"result does not convert":  {command: "channel", code: CodeInternal, message: "the handler failed"},
		"answer too big":           {command: "big", code: CodeTooBig, message: "frame 2000005 B exceeds the peer's limit 1048576 B"},
	}
	inWorld(t, nil, func(w *world) {
		Handle(w.srv, "double", func(_ context.Context, _ *Conn, n int) (int, error) { return 2 * n, nil })
		Handle(w.srv, "own", func(context.Context, *Conn, struct{}) (int, error) { return 0, NewError(1234, "not today") })
		Handle(w.srv, "plain", func(context.Context, *Conn, struct{}) (int, error) {
			return 0, errors.New("open /etc/secret: no such file")
		})
		Handle(w.srv, "panic", func(context.Context, *Conn, struct{}) (int, error) { panic("secret") })
		Handle(w.srv, "channel", func(context.Context, *Conn, struct{}) (any, error) { return make(chan int), nil })
		Handle(w.srv, "big", func(context.Context, *Conn, struct{}) ([]byte, error) { return make([]byte, 2_000_000), nil })
		w.serve()
		cl := w.join(w.client("ada"))
		for name, tc := range tests {
			_, err := Call[string](w.ctx, cl, tc.command, tc.in)
			var e *Error
			require.ErrorAs(t, err, &e, name)
			require.Equal(t, tc.code.String(), e.Code.String(), name)
			require.Equal(t, tc.message, e.Message, name)
			require.True(t, IsRemote(err), name)
		}
		// Only the log has the panic and the plain error.
		log := strings.Join(w.log.Lines(), "\n")
		require.Contains(t, log, "secret")
		require.Contains(t, log, "/etc/secret")

		n, err := Call[int](w.ctx, cl, "double", 21)
		require.NoError(t, err, "the connection goes on")
		require.Equal(t, 42, n)
		_, err = Call[int](w.ctx, cl, "", nil)
		require.Equal(t, CodeBadName, CodeOf(err))
		require.False(t, IsRemote(err))
		require.NoError(t, cl.Close())
	})
}

func TestCallGivenUp(t *testing.T) {
	tests := map[string]struct {
		begin func(ctx context.Context) (context.Context, context.CancelFunc)
		want  error
	}{
		"canceled": {
			begin: func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(time.Second, cancel)
				return ctx, cancel
			},
			want: context.Canceled,
		},
		"deadline": {
			begin: func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, time.Second)
			},
			want: context.DeadlineExceeded,
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				ended := make(chan error, 1)
				Handle(w.srv, "wait", func(ctx context.Context, _ *Conn, _ struct{}) (int, error) {
					<-ctx.Done()
					ended <- ctx.Err()
					return 0, ctx.Err()
				})
				w.serve()
				cl := w.join(w.client("ada"))
				ctx, cancel := tc.begin(w.ctx)
				defer cancel()
				start := time.Now()
				_, err := Call[int](ctx, cl, "wait", nil)
				require.ErrorIs(t, err, tc.want)
				require.Equal(t, time.Second, time.Since(start))
				require.ErrorIs(t, <-ended, context.Canceled, "the other side was told")
				require.NoError(t, cl.Close())
			})
		})
	}
}

// A call that is given up while it waits in the inbox never runs.
func TestCallGivenUpBeforeItRan(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		release := make(chan struct{})
		var ran kept[string]
		On(w.srv, "slow", func(context.Context, *Conn, struct{}) error { <-release; return nil })
		Handle(w.srv, "late", func(context.Context, *Conn, struct{}) (int, error) { ran.Add("late"); return 0, nil })
		w.serve()
		cl := w.join(w.client("ada"))
		require.NoError(t, cl.Send("slow", nil))
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		_, err := Call[int](ctx, cl, "late", nil)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		synctest.Wait()
		close(release)
		synctest.Wait()
		require.Empty(t, ran.All())
		require.NoError(t, cl.Close())
	})
}

func TestCallLost(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		Handle(w.srv, "wait", func(ctx context.Context, _ *Conn, _ struct{}) (int, error) {
			<-ctx.Done()
			return 0, nil
		})
		w.serve()
		cl := w.join(w.client("ada"))
		result := make(chan error, 1)
		go func() { _, err := Call[int](w.ctx, cl, "wait", nil); result <- err }()
		synctest.Wait()
		cl.Conn().sess.Link().Stream.Close() //nolint:errcheck // as if the network broke
		require.Equal(t, CodeConnLost.String(), CodeOf(<-result).String())
		<-cl.Done()
		_, err := Call[int](w.ctx, cl, "wait", nil)
		require.Equal(t, CodeConnLost.String(), CodeOf(err).String())
		require.Equal(t, CodeConnLost.String(), CodeOf(cl.Send("x", 1)).String())
	})
}

// A call waits for room in a full queue instead of ending the connection.
func TestCallWaitsForRoom(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		release := make(chan struct{})
		w.srv.HandleBytes("size", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) {
			<-release
			return encode(nil, len(b))
		})
		w.serve()
		cl := w.join(w.client("ada"))
		const calls = 200
		results := make(chan error, calls)
		for range calls {
			go func() {
				n, err := Call[int](w.ctx, cl, "size", make([]byte, 32<<10))
				if err == nil && n != 32<<10 {
					err = errors.New("wrong answer")
				}
				results <- err
			}()
		}
		time.Sleep(time.Second)
		short, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		_, err := Call[int](short, cl, "size", make([]byte, 32<<10))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		close(release)
		for range calls {
			require.NoError(t, <-results)
		}
		require.NoError(t, cl.Close())
	})
}

// Answers to calls that nobody made are ignored, however many there are.
func TestStrayAnswers(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		p := w.hello(&wire.Hello{})
		for id := range uint64(100) {
			p.Send(wire.AppendReply(nil, id, []byte("x")))
			p.Send(wire.AppendFailure(nil, id, wire.Goodbye{Code: CodeInternal, Reason: "x"}))
			p.Send(wire.AppendCancel(nil, id))
			p.Send(wire.AppendStreamItem(nil, id, []byte("x")))
		}
		p.Send(wire.AppendPing(nil, 5))
		require.Equal(t, wire.KindPong, p.Want().Kind)
		p.Stream.Close() //nolint:errcheck // it is over
	})
}

// A reused call has no trace of its former use. A table keeps at most maxFreeCalls calls for reuse.
func TestCallsAreUsedAgain(t *testing.T) {
	var table callTable
	first, id, ended := table.add(wire.KindAskJoin)
	require.Nil(t, ended)
	require.Same(t, first, table.take(id))
	first.reply, first.err = []byte("reply"), errNoCalls
	table.reuse(first)
	again, next, _ := table.add(wire.KindRequest)
	require.Same(t, first, again)
	require.NotEqual(t, id, next)
	require.Equal(t, call{ready: first.ready}, *again)

	var open []*call
	for range maxFreeCalls + 10 {
		w, _, _ := table.add(wire.KindRequest)
		open = append(open, w)
	}
	for _, w := range open {
		table.reuse(w)
	}
	kept := 0
	for w := table.free; w != nil; w = w.next {
		kept++
	}
	require.Equal(t, maxFreeCalls, kept)
	table.forgetFree()
	fresh, _, _ := table.add(wire.KindRequest)
	require.NotContains(t, open, fresh)
}

// Each call gets its own answer or its own failure, whatever happens to other calls.
func TestEachCallGetsItsOwnAnswer(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.srv.HandleBytes("echo", func(_ context.Context, _ *Conn, payload []byte) ([]byte, error) { return payload, nil })
		w.srv.HandleBytes("fail", func(_ context.Context, _ *Conn, payload []byte) ([]byte, error) {
			return nil, NewError(1234, string(payload))
		})
		w.serve()
		cl := w.join(w.client("ada"))
		var wg sync.WaitGroup
		faults := make(chan error, 8)
		for caller := range 8 {
			wg.Go(func() {
				for i := range 200 {
					ctx, cancel := context.WithCancel(w.ctx)
					if i%3 == 0 {
						wg.Go(cancel) // while the answer comes
					}
					payload := fmt.Sprint(caller, " ", i)
					command := []string{"echo", "fail"}[i%2]
					reply, err := cl.CallBytes(ctx, command, []byte(payload))
					var e *Error
					switch {
					case errors.Is(err, context.Canceled) && i%3 == 0:
					case command == "echo" && err == nil && string(reply) == payload:
					case command == "fail" && errors.As(err, &e) && e.Code == 1234 && e.Message == payload:
					default:
						faults <- fmt.Errorf("%s %q: %q, %w", command, payload, reply, err)
						cancel()
						return
					}
					cancel()
				}
			})
		}
		wg.Wait()
		close(faults)
		require.NoError(w.t, <-faults)
		require.NoError(w.t, cl.Close())
	})
}
