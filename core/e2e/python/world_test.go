//go:build !js

package python_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/transport"
)

// A world is a server and clients that connect to it through memory, inside a synctest bubble.
type world struct {
	t   *testing.T      // the bubble's
	ctx context.Context // the bubble's
	srv *core.Server
	lis *transport.PipeListener
	log *coretest.Log

	clients []*core.Client
}

// inWorld runs f in a bubble with a server that is not serving yet, and shuts it
// down at the end.
func inWorld(t *testing.T, opts *core.ServerOptions, f func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		if opts == nil {
			opts = &core.ServerOptions{}
		}
		log := &coretest.Log{}
		opts.Logger, opts.Codec = log, testCodec{}
		w := &world{t: t, ctx: t.Context(), srv: harness.NewServer(opts), lis: transport.NewPipeListener(), log: log}
		// The world must end when a failed require ends f, or the bubble hides the failure.
		defer w.cut()
		f(w)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, w.srv.Shutdown(ctx))
	})
}

// cut ends everything that a failed test has left.
func (w *world) cut() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	w.srv.Shutdown(ctx) //nolint:errcheck // it is cut
	for _, cl := range w.clients {
		cl.Close() //nolint:errcheck // nothing to be done about it
	}
}

// serve begins to serve. Handlers are registered before that.
func (w *world) serve() {
	go w.srv.Serve(w.ctx, w.lis) //nolint:errcheck // nil after Shutdown
}

// client returns a native client that is not connected yet.
func (w *world) client(name string, groups ...string) *core.Client {
	cl := harness.NewClient(w.lis, &core.ClientOptions{Name: name, Groups: groups, Codec: testCodec{}, Retry: core.Retry{Off: true}})
	w.clients = append(w.clients, cl)
	return cl
}

// join connects a client and waits until the server has run its join handler.
func (w *world) join(cl *core.Client) *core.Client {
	require.NoError(w.t, cl.Connect(w.ctx))
	synctest.Wait()
	return cl
}

// conn returns the server's end of the client with that name.
func (w *world) conn(name string) *core.Conn {
	c, err := w.srv.Client(name)
	require.NoError(w.t, err)
	return c
}

// peer connects by hand: a test can send any bytes.
func (w *world) peer() *coretest.Peer {
	stream, err := w.lis.Dial(w.ctx)
	require.NoError(w.t, err)
	return &coretest.Peer{T: w.t, Stream: stream}
}

// Short names for types of coretest.
type (
	kept[T any] = coretest.Kept[T]
	testCodec   = coretest.Codec
)
