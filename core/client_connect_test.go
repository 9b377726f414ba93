package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// A deafDialer reaches a server that accepts and says nothing. If lost is set, it reaches a network
// from which nothing comes back.
type deafDialer struct{ lost bool }

func (d deafDialer) Dial(ctx context.Context) (transport.Conn, error) {
	if d.lost {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	near, _ := transport.Pipe()
	return near, nil
}

// Connect ends by itself if the server accepts and says nothing, also with a context that has no
// end.
func TestConnectIsBounded(t *testing.T) {
	tests := map[string]struct {
		dialer deafDialer
		opts   ClientOptions
		want   time.Duration
	}{
		"says nothing":            {deafDialer{}, ClientOptions{}, 15 * time.Second},
		"says nothing, set":       {deafDialer{}, ClientOptions{ConnectTimeout: time.Second}, time.Second},
		"says nothing, off":       {deafDialer{}, ClientOptions{ConnectTimeout: -1}, time.Hour},
		"cannot be dialled":       {deafDialer{lost: true}, ClientOptions{}, 15 * time.Second},
		"cannot be dialled, long": {deafDialer{lost: true}, ClientOptions{ConnectTimeout: time.Minute}, time.Minute},
		"tries again":             {deafDialer{}, ClientOptions{ConnectTimeout: time.Second, Retry: Retry{First: true, Min: 1, Max: 1, For: 10 * time.Second}}, 11 * time.Second},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cl := newTestClient(tc.dialer, &tc.opts)
				ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
				defer cancel()
				start := time.Now()
				err := cl.Connect(ctx)
				require.InDelta(t, tc.want, time.Since(start), float64(time.Second))
				require.ErrorIs(t, err, context.DeadlineExceeded)
				require.Equal(t, CodeDeadlineExceeded, CodeOf(err))
				if ctx.Err() == nil {
					require.ErrorIs(t, err, CodeDeadlineExceeded)
					require.ErrorContains(t, err, "the server did not answer within ")
				}
			})
		})
	}
}

// A client may connect again after its connection has ended.
func TestConnectAgain(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		cl := w.client("ada")
		require.Equal(t, CodeNotConnected, CodeOf(cl.Send("x", 1)))
		var states kept[State]
		cl.OnState(func(s State, _ error) { states.Add(s) })
		for range 3 {
			w.join(cl)
			require.Error(t, cl.Connect(w.ctx), "it is connected")
			require.NoError(t, cl.Close())
			<-cl.Done()
		}
		require.Equal(t, []State{StateConnected, StateDisconnected, StateConnected, StateDisconnected, StateConnected, StateDisconnected}, states.All())
	})
}

func TestConnectGivenUp(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		// Nobody answers the hello.
		ctx, cancel := context.WithTimeout(w.ctx, time.Second)
		defer cancel()
		over := make(chan struct{})
		go func() {
			stream, err := w.lis.Accept()
			if err == nil {
				<-over
				stream.Close() //nolint:errcheck // it is over
			}
		}()
		require.ErrorIs(t, w.client("ada").Connect(ctx), context.DeadlineExceeded)
		close(over)
		require.NoError(t, w.lis.Close())
		err := w.client("bob").Connect(w.ctx)
		require.Equal(t, CodeNotConnected, CodeOf(err))
	})
}

// Close makes a Connect under way fail at any stage and leaves nothing behind. The client can
// connect anew.
func TestCloseDuringConnect(t *testing.T) {
	tests := map[string]bool{"not accepted": false, "not welcomed": true}
	for name, accepted := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				t := w.t
				cl := w.client("ada")
				var states kept[State]
				cl.OnState(func(s State, _ error) { states.Add(s) })
				ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
				defer cancel()
				result := make(chan error, 1)
				go func() { result <- cl.Connect(ctx) }()
				if accepted {
					stream, err := w.lis.Accept()
					require.NoError(t, err)
					defer stream.Close() //nolint:errcheck // the client has closed it
				}
				synctest.Wait()
				require.NoError(t, cl.Close())
				err := <-result
				require.Equal(t, CodeClosed.String(), CodeOf(err).String())
				require.False(t, IsRemote(err))

				w.serve()
				synctest.Wait()
				require.Zero(t, w.srv.Len())
				require.Empty(t, states.All())
				w.join(cl)
				require.Equal(t, 1, w.srv.Len())
				require.NoError(t, cl.Close())
			})
		})
	}
}
