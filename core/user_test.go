package core

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// byUser returns options with an authorizer that takes Auth as the user.
func byUser(opts ServerOptions) *ServerOptions {
	opts.Access.Authorize = func(_ context.Context, a *Admission) error {
		a.User = string(a.Auth)
		return nil
	}
	return &opts
}

// device returns a client of a user that is not connected yet.
func (w *world) device(user, name string) *Client {
	cl := newTestClient(w.lis, &ClientOptions{Name: name, Auth: []byte(user), Codec: testCodec{}, Retry: Retry{Off: true}})
	w.clients = append(w.clients, cl)
	return cl
}

func TestUser(t *testing.T) {
	inWorld(t, byUser(ServerOptions{}), func(w *world) {
		var sent kept[string]
		w.srv.UseSend(func(next SendFunc) SendFunc {
			return func(out *Outgoing) error {
				sent.Add(out.User + "/" + out.Group + "/" + out.Command)
				return next(out)
			}
		})
		var got kept[string]
		w.serve()
		devices := map[string]*Client{}
		for _, name := range []string{"ada's phone", "ada's desk", "bob's phone"} {
			cl := w.device(name[:3], name)
			On(cl, "news", func(_ context.Context, _ *Conn, text string) error { got.Add(name + ": " + text); return nil })
			cl.OnMessage(func(_ context.Context, _ *Conn, f Frame) error {
				if f.Kind == KindRaw {
					got.Add(name + ": raw")
				}
				return nil
			})
			devices[name] = w.join(cl)
		}
		require.Equal(t, []string{"ada", "bob"}, w.srv.Users())
		ada := w.srv.User("ada")
		require.Equal(t, "ada", ada.ID())
		require.Equal(t, 2, ada.Len())
		require.NoError(t, ada.Send("news", "one"))
		require.NoError(t, ada.SendRaw([]byte("two")))
		synctest.Wait()
		require.ElementsMatch(t, []string{"ada's phone: one", "ada's desk: one", "ada's phone: raw", "ada's desk: raw"}, got.All())
		phone := w.conn("ada's phone")
		require.Equal(t, "ada", phone.User())
		require.Empty(t, devices["ada's phone"].Conn().User(), "the client is not told")
		require.NoError(t, ada.Send("news", "three", Except(phone)))
		synctest.Wait()
		require.Equal(t, "ada's desk: three", got.All()[4])
		require.Equal(t, []string{"ada//news", "ada//", "ada//news"}, sent.All())

		nobody := w.srv.User("eve")
		require.Equal(t, CodeUnknownClient, CodeOf(nobody.Send("news", "")))
		require.Equal(t, CodeUnknownClient, CodeOf(w.srv.User("").SendRaw(nil)))
		require.Zero(t, nobody.Len())
		for range nobody.Clients() {
			require.Fail(t, "there is nobody")
		}

		ada.Disconnect(NewError(CodeUnauthorized, "logged out"))
		<-devices["ada's phone"].Done()
		<-devices["ada's desk"].Done()
		require.Equal(t, CodeUnauthorized, CodeOf(devices["ada's desk"].Conn().Err()))
		require.Zero(t, ada.Len())
		require.Equal(t, []string{"bob"}, w.srv.Users())
		w.srv.User("bob").Disconnect(nil)
		<-devices["bob's phone"].Done()
		require.Equal(t, CodeClosed, CodeOf(devices["bob's phone"].Conn().Err()))
		require.Empty(t, w.srv.Users())
	})
}

// A call to a user has the answer of the device that answers first. The calls to the other devices
// are given up.
func TestCallUser(t *testing.T) {
	tests := map[string]struct {
		answers []time.Duration // times at which the devices answer; negative: the device fails at that time
		want    string
		after   time.Duration
		code    Code
	}{
		"nobody":             {code: CodeUnknownClient},
		"one":                {answers: []time.Duration{2}, want: "0", after: 2},
		"the first":          {answers: []time.Duration{5, 3, 9}, want: "1", after: 3},
		"the first that can": {answers: []time.Duration{5, -3, 9}, want: "0", after: 5},
		"none can":           {answers: []time.Duration{-5, -3}, after: 5, code: CodeApplication},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, byUser(ServerOptions{}), func(w *world) {
				w.serve()
				var given kept[error]
				for i, d := range tc.answers {
					cl := w.device("ada", "")
					Handle(cl, "who", func(ctx context.Context, _ *Conn, _ struct{}) (int, error) {
						select {
						case <-time.After(max(d, -d) * time.Second):
						case <-ctx.Done():
							given.Add(ctx.Err())
							return 0, ctx.Err()
						}
						if d < 0 {
							return 0, NewError(CodeApplication, "not me")
						}
						return i, nil
					})
					w.join(cl)
				}
				start := time.Now()
				got, err := Call[string](w.ctx, w.srv.User("ada"), "who", struct{}{})
				require.Equal(t, tc.code.String(), CodeOf(err).String())
				require.Equal(t, tc.want, got)
				require.Equal(t, tc.after*time.Second, time.Since(start))
				synctest.Wait()
				if tc.want != "" {
					slower := 0
					for _, d := range tc.answers {
						if max(d, -d) > tc.after {
							slower++
						}
					}
					require.Len(t, given.All(), slower)
				}
				for _, cl := range w.clients {
					require.NoError(t, cl.Close())
				}
			})
		})
	}
}

// A call to a user ends with its context.
func TestCallUserContext(t *testing.T) {
	inWorld(t, byUser(ServerOptions{}), func(w *world) {
		w.serve()
		for range 2 {
			cl := w.device("ada", "")
			cl.HandleBytes("never", func(ctx context.Context, _ *Conn, _ []byte) ([]byte, error) { <-ctx.Done(); return nil, ctx.Err() })
			w.join(cl)
		}
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		_, err := w.srv.User("ada").CallBytes(ctx, "never", nil)
		require.True(t, errors.Is(err, context.DeadlineExceeded), "%v", err)
		w.srv.User("ada").Disconnect(nil)
	})
}
