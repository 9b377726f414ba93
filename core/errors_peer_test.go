package core

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// A quota is the details of an error.
type quota struct {
	Left  int
	Since time.Time
}

var someQuota = quota{3, time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)}

func quotaError() *Error {
	return &Error{Code: 1001, Message: "too many of them", RetryAfter: 5 * time.Second, Details: someQuota}
}

// requireQuota checks that all of quotaError has arrived.
func requireQuota(t *testing.T, err error) {
	t.Helper()
	require.True(t, IsRemote(err))
	e, ok := find[*Error](err)
	require.True(t, ok)
	require.Equal(t, 1001, int(e.Code))
	require.Equal(t, "too many of them", e.Message)
	require.Equal(t, 5*time.Second, e.RetryAfter)
	require.Nil(t, e.Details, "in what form they are wanted is not known yet")
	got, err := Details[quota](err)
	require.NoError(t, err)
	require.Equal(t, someQuota, got)
}

// An error that a handler returns arrives whole, in both directions: with the time to wait and the
// details.
func TestCallErrorArrivesWhole(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		fail := func(context.Context, *Conn, string) (string, error) {
			return "", fmt.Errorf("quota: %w", quotaError())
		}
		Handle(w.srv, "ask", fail)
		w.serve()
		ada := w.client("ada")
		Handle(ada, "ask", fail)
		w.join(ada)
		_, err := Call[string](w.ctx, ada, "ask", "")
		requireQuota(t, err)
		require.NotContains(t, err.Error(), "2026", "details are for programs")
		_, err = Call[string](w.ctx, w.conn("ada"), "ask", "")
		requireQuota(t, err)
	})
}

// The error with which a client is refused, or with which either end closes the connection, arrives
// whole.
func TestEndArrivesWhole(t *testing.T) {
	opts := &ServerOptions{Access: Access{Authorize: func(_ context.Context, a *Admission) error {
		if a.Name == "mallory" {
			return fmt.Errorf("quota: %w", quotaError())
		}
		return nil
	}}}
	inWorld(t, opts, func(w *world) {
		w.serve()
		requireQuota(t, w.client("mallory").Connect(w.ctx))

		ada := w.join(w.client("ada"))
		w.conn("ada").CloseWith(quotaError())
		<-ada.Done()
		requireQuota(t, ada.Err())
		_, err := Call[string](w.ctx, ada, "ask", "")
		require.Error(t, err)

		bob := w.join(w.client("bob"))
		c := w.conn("bob")
		bob.Conn().CloseWith(quotaError())
		<-c.Done()
		requireQuota(t, c.Err())
		requireQuota(t, c.Send("x", ""))
	})
}

type (
	panics  struct{}
	exits   struct{}
	refuses struct{}
)

func (panics) MarshalJSON() ([]byte, error)  { panic("no JSON today") }
func (exits) MarshalJSON() ([]byte, error)   { runtime.Goexit(); return nil, nil }
func (refuses) MarshalJSON() ([]byte, error) { return nil, errors.New("not me") }

// Details that cannot be sent are left out. The rest arrives, and the program is told.
func TestDetailsThatCannotBeSent(t *testing.T) {
	const limit = 4096
	tests := map[string]struct {
		details any
		code    Code
		why     string
	}{
		"too large":         {strings.Repeat("x", limit), CodeTooBig, "4098 B exceed the peer's limit 4096 B"},
		"bytes, too large":  {make([]byte, limit), CodeTooBig, "4096 B exceed the peer's limit 4096 B"},
		"no JSON":           {make(chan int), CodeBadPayload, "unsupported type"},
		"a marshaler fails": {refuses{}, CodeBadPayload, "not me"},
		"and panics":        {panics{}, CodeBadPayload, "no JSON today"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			no := &Error{Code: 1001, Message: "no", RetryAfter: time.Second, Details: tc.details}
			opts := &ServerOptions{Access: Access{Authorize: func(_ context.Context, a *Admission) error {
				if a.Name == "mallory" {
					return no
				}
				return nil
			}}}
			inWorld(t, opts, func(w *world) {
				var told kept[error]
				w.srv.OnError(func(_ *Conn, err error) { told.Add(err) })
				Handle(w.srv, "ask", func(context.Context, *Conn, string) (string, error) { return "", no })
				w.serve()
				heard := func(err error) {
					t.Helper()
					e, _ := find[*Error](err)
					require.Equal(t, 1001, int(e.Code))
					require.Equal(t, "no", e.Message)
					require.Equal(t, time.Second, e.RetryAfter)
					_, err = Details[any](err)
					require.ErrorIs(t, err, errNoDetails)
					synctest.Wait()
					all := told.All()
					last := all[len(all)-1]
					require.Equal(t, tc.code.String(), CodeOf(last).String())
					require.ErrorContains(t, last, tc.why)
				}
				client := func(name string) *Client {
					cl := w.client(name)
					cl.cfg.maxFrame = limit
					return cl
				}
				heard(client("mallory").Connect(w.ctx))
				ada := w.join(client("ada"))
				_, err := Call[string](w.ctx, ada, "ask", "")
				heard(err)
				w.conn("ada").CloseWith(no)
				<-ada.Done()
				heard(ada.Err())
			})
		})
	}
}

// A codec that ends its goroutine ends the connection, as a handler does that ends its goroutine.
func TestDetailsThatEndTheGoroutine(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		Handle(w.srv, "ask", func(context.Context, *Conn, string) (string, error) {
			return "", &Error{Code: 1001, Details: exits{}}
		})
		w.serve()
		ada := w.join(w.client("ada"))
		_, err := Call[string](w.ctx, ada, "ask", "")
		require.Equal(t, CodeInternal.String(), CodeOf(err).String())
		<-ada.Done()
	})
}

// An error of another peer is passed on without its details, unless the program adds details.
func TestErrorsOfOthers(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		pass := func(_ context.Context, c *Conn, how string) (string, error) {
			_, err := Call[string](c.Context(), w.conn("bob"), "ask", "")
			if how == "all of it" {
				e, _ := find[*Error](err)
				return "", &Error{Code: e.Code, Message: e.Message, RetryAfter: e.RetryAfter, Details: e.RawDetails()}
			}
			if how == "with mine" {
				err.(*Error).Details = "mine" //nolint:errorlint // it is an *Error
			}
			return "", fmt.Errorf("bob: %w", err)
		}
		Handle(w.srv, "ask", pass, Concurrent())
		w.serve()
		bob := w.client("bob")
		Handle(bob, "ask", func(context.Context, *Conn, string) (string, error) { return "", quotaError() })
		w.join(bob)
		ada := w.join(w.client("ada"))

		_, err := Call[string](w.ctx, ada, "ask", "")
		e, _ := find[*Error](err)
		require.Equal(t, 1001, int(e.Code))
		require.Equal(t, "too many of them", e.Message)
		require.Equal(t, 5*time.Second, e.RetryAfter)
		_, none := Details[quota](err)
		require.ErrorIs(t, none, errNoDetails)

		_, err = Call[string](w.ctx, ada, "ask", "all of it")
		requireQuota(t, err)

		_, err = Call[string](w.ctx, ada, "ask", "with mine")
		mine, err := Details[string](err)
		require.NoError(t, err)
		require.Equal(t, "mine", mine)
	})
}

// Details of an error that has not travelled are the value that the program put in. If another type
// is asked for, they are converted as on the way to the peer.
func TestDetailsOfThisSide(t *testing.T) {
	err := fmt.Errorf("quota: %w", wrapError(CodeBadPayload, "outer", quotaError()))
	got, no := Details[quota](err)
	require.NoError(t, no)
	require.Equal(t, someQuota, got)

	require.Nil(t, quotaError().RawDetails())

	_, no = Details[string](fmt.Errorf("x: %w", NewError(1001, "none")))
	require.ErrorIs(t, no, errNoDetails)
	_, no = Details[string](nil)
	require.ErrorIs(t, no, errNoDetails)
	var none *Error
	_, no = Details[string](none)
	require.ErrorIs(t, no, errNoDetails)

	raw, no := Details[[]byte](&Error{Code: 1001, Details: []byte{1}})
	require.NoError(t, no)
	require.Equal(t, []byte{1}, raw)

	if runtime.GOOS == "js" {
		return // a browser build has no default codec
	}
	other, no := Details[struct{ Left int }](err)
	require.NoError(t, no)
	require.Equal(t, 3, other.Left)
	text, no := Details[[]byte](&Error{Code: 1001, Details: "a"})
	require.NoError(t, no)
	require.Equal(t, `"a"`, string(text), "text goes by the codec too")
	_, no = Details[int](err)
	require.Equal(t, CodeBadPayload.String(), CodeOf(no).String())
}

// A peer that reads only small frames gets a shortened message, not a frame that would end its
// connection.
func TestMessagesFitThePeersFrames(t *testing.T) {
	long := strings.Repeat("é", 700)
	inWorld(t, nil, func(w *world) {
		Handle(w.srv, "ask", func(context.Context, *Conn, string) (string, error) { return "", NewError(1001, long) })
		w.serve()
		for limit, want := range map[int]int{512: 489, 1 << 20: 1023} {
			p := w.hello(&wire.Hello{Version: wire.Version, MaxFrame: uint64(limit)})
			heard := func(got string) {
				t.Helper()
				require.Len(t, got, want)
				require.Equal(t, strings.Repeat("é", (want-3)/2), strings.TrimSuffix(got, "…"))
			}
			p.Send(wire.AppendRequest(nil, 1, "ask", nil))
			f, err := p.Frame(limit)
			require.NoError(t, err)
			_, why, err := wire.ParseFailure(f.Body)
			require.NoError(t, err)
			heard(why.Reason)

			for c := range w.srv.Clients() {
				c.CloseWith(NewError(1001, long))
			}
			f, err = p.Frame(limit)
			require.NoError(t, err)
			bye, err := wire.ParseGoodbye(f.Body)
			require.NoError(t, err)
			heard(bye.Reason)
			p.Stream.Close() //nolint:errcheck // it is over
			synctest.Wait()
		}
	})
}

// Details wait for room like replies: a peer that asks and does not read holds no more than its
// queue.
func TestDetailsWaitForRoom(t *testing.T) {
	const size = 200 << 10
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 256 << 10}}, func(w *world) {
		Handle(w.srv, "ask", func(context.Context, *Conn, string) (string, error) {
			return "", &Error{Code: 1001, Details: make([]byte, size)}
		})
		w.serve()
		p := w.hello(&wire.Hello{Version: wire.Version})
		const calls = 20
		for id := range uint64(calls) {
			p.Send(wire.AppendRequest(nil, id, "ask", nil))
		}
		synctest.Wait()
		for c := range w.srv.Clients() {
			require.LessOrEqual(t, c.Stats().Waiting, 2*256<<10)
		}
		for id := range uint64(calls) {
			got, why, err := wire.ParseFailure(p.Want().Body)
			require.NoError(t, err)
			require.Equal(t, id, got)
			require.Len(t, why.Details, size)
		}
	})
}
