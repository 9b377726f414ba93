package core

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// A shy value cannot be written as text or read from it.
type shy struct{}

func (shy) MarshalText() ([]byte, error) { return nil, NewError(CodeBadPayload, "secret") }

func (*shy) UnmarshalText([]byte) error { return errors.New("secret") }

// An answer that does not convert is the answering program's mistake: its error hook and its log
// have the details, and the caller learns that the handler failed. The same holds for other values
// that the handler could not send or read.
func TestAnswerThatDoesNotConvert(t *testing.T) {
	loop := map[string]any{}
	loop["loop"] = loop
	answers := map[string]any{
		"NaN":      math.NaN(),
		"inside":   []float64{math.Inf(1)},
		"channel":  make(chan int),
		"loop":     loop,
		"text":     "\xff",
		"own code": shy{},
	}
	inWorld(t, nil, func(w *world) {
		var mu sync.Mutex
		told := make(map[string][]error) // by end
		hook := func(who string) func(*Conn, error) {
			return func(_ *Conn, err error) {
				mu.Lock()
				told[who] = append(told[who], err)
				mu.Unlock()
			}
		}
		register := func(r Registrar, who string) {
			r.registrar().OnError(hook(who))
			for name, v := range answers {
				Handle(r, name, func(context.Context, *Conn, struct{}) (any, error) { return v, nil })
			}
			Handle(r, "sends", func(_ context.Context, c *Conn, _ struct{}) (int, error) {
				return 0, fmt.Errorf("to the peer: %w", c.Send("x", math.NaN()))
			})
			Handle(r, "reads", func(ctx context.Context, c *Conn, _ struct{}) (shy, error) {
				return Call[shy](ctx, c, "hello", nil)
			})
			Handle(r, "hello", func(context.Context, *Conn, struct{}) (string, error) { return "hello", nil })
			Handle(r, "details", func(context.Context, *Conn, struct{}) (int, error) {
				return 0, &Error{Code: 1001, Message: "no", Details: math.NaN()}
			})
			Handle(r, "too big", func(context.Context, *Conn, struct{}) (string, error) { return strings.Repeat("a", 2<<20), nil })
		}
		register(w.srv, "server")
		ada := w.client("ada")
		register(ada, "client")
		w.serve()
		w.join(ada)
		for who, to := range map[string]Caller{"server": ada, "client": w.conn("ada")} {
			ask := func(name string) (*Error, error) {
				_, err := Call[string](w.ctx, to, name, nil)
				synctest.Wait()
				require.True(t, IsRemote(err), name)
				mu.Lock()
				defer mu.Unlock()
				require.Len(t, told, 1, "%s: nobody else is told", name)
				require.Len(t, told[who], 1, name)
				e, hooked := err.(*Error), told[who][0]
				clear(told)
				return e, hooked
			}
			names := []string{"sends", "reads"}
			for name := range answers {
				names = append(names, name)
			}
			for _, name := range names {
				e, hooked := ask(name)
				require.Equal(t, CodeInternal.String(), e.Code.String(), name)
				require.Equal(t, "the handler failed", e.Message, name)
				require.Equal(t, CodeInternal, CodeOf(hooked), name)
				require.ErrorContains(t, hooked, "call "+name)
				require.ErrorContains(t, hooked, "convert")
			}
			e, hooked := ask("details")
			require.Equal(t, Code(1001), e.Code)
			require.ErrorContains(t, hooked, "the details of an error are not sent")
			e, hooked = ask("too big")
			require.Equal(t, CodeTooBig, e.Code)
			require.ErrorContains(t, hooked, "answer to")
		}
		log := strings.Join(w.log.Lines(), "\n")
		require.Contains(t, log, "a handler of a call failed")
		require.Contains(t, log, "NaN is not a decimal number")
		require.NoError(t, ada.Close())
	})
}

// The error hook may wait for the caller: the caller has its answer before the hook runs.
func TestAnswerComesBeforeTheHook(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		told := make(chan error, 2)
		w.srv.OnError(func(c *Conn, _ error) {
			_, err := Call[string](w.ctx, c, "calm down", nil)
			told <- err
		})
		Handle(w.srv, "NaN", func(context.Context, *Conn, struct{}) (float64, error) { return math.NaN(), nil })
		Handle(w.srv, "details", func(context.Context, *Conn, struct{}) (int, error) {
			return 0, &Error{Code: 1001, Details: math.NaN()}
		})
		w.serve()
		cl := w.client("ada")
		answered := make(chan struct{}, 2)
		Handle(cl, "calm down", func(context.Context, *Conn, struct{}) (string, error) {
			<-answered // the hook does not return until then
			return "calm", nil
		})
		w.join(cl)
		for command, code := range map[string]Code{"NaN": CodeInternal, "details": 1001} {
			_, err := Call[float64](w.ctx, cl, command, nil)
			require.Equal(t, code, CodeOf(err))
			answered <- struct{}{}
			require.NoError(t, <-told)
		}
		require.NoError(t, cl.Close())
	})
}

// A bad payload that the caller has sent is reported to the caller as such.
func TestBadPayloadOfACallerIsTheCallers(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		Handle(w.srv, "half", func(_ context.Context, _ *Conn, n int) (int, error) { return n / 2, nil })
		Handle(w.srv, "own", func(context.Context, *Conn, struct{}) (int, error) { return 0, NewError(CodeBadPayload, "odd") })
		w.srv.OnError(func(_ *Conn, err error) { t.Error(err) })
		w.serve()
		cl := w.join(w.client("ada"))
		_, err := Call[int](w.ctx, cl, "half", "x")
		require.Equal(t, CodeBadPayload, CodeOf(err))
		_, err = Call[int](w.ctx, cl, "own", nil)
		require.Equal(t, CodeBadPayload, CodeOf(err))
		_, err = Call[int](w.ctx, cl, "half", math.NaN())
		require.Equal(t, CodeBadPayload, CodeOf(err))
		require.False(t, IsRemote(err))
		require.NoError(t, cl.Close())
	})
}
