package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// A deafDialer reaches a server that accepts and says nothing, or a network from which nothing
// comes back.
type deafDialer struct{ lost bool }

func (d deafDialer) Dial(ctx context.Context) (transport.Conn, error) {
	if d.lost {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	near, _ := transport.Pipe()
	return near, nil
}

// A server that accepts and says nothing does not keep a Connect for ever, whose context has no end.
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
