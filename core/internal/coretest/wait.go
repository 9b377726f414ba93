package coretest

import (
	"context"
	"errors"
	"os"
	"runtime/pprof"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport/transporttest"
)

// Patient returns a context that ends after [transporttest.Patience]. When the time is over, the stacks of all
// goroutines are printed.
func Patient() (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(context.Background(), transporttest.Patience)
	context.AfterFunc(ctx, func() {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			pprof.Lookup("goroutine").WriteTo(os.Stderr, 2) //nolint:errcheck // the test fails anyway
		}
	})
	return ctx, cancel
}

// Next waits for an event.
func Next[T any](t *testing.T, events <-chan T) T {
	t.Helper()
	ctx, cancel := Patient()
	defer cancel()
	select {
	case v := <-events:
		return v
	case <-ctx.Done():
		require.FailNow(t, "nothing happens")
		panic("not reached")
	}
}

// Must returns v, and panics if there is an error.
func Must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
