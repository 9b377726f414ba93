package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A world is a server and the clients that connect to it through memory, inside a synctest bubble.
type world struct {
	t   *testing.T      // the bubble's
	ctx context.Context // the bubble's
	srv *Server
	lis *transport.PipeListener
	log *coretest.Log

	clients []*Client
}

// inWorld runs f in a bubble with a server that is not serving yet, and shuts it
// down at the end.
func inWorld(t *testing.T, opts *ServerOptions, f func(w *world)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, opts)
		// The world must end when a failed require ends f, or the bubble hides the failure.
		defer w.cut()
		f(w)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		require.NoError(t, w.srv.Shutdown(ctx))
	})
}

func newWorld(t *testing.T, opts *ServerOptions) *world {
	if opts == nil {
		opts = &ServerOptions{}
	}
	log := &coretest.Log{}
	opts.Logger = log
	opts.Codec = testCodec{}
	return &world{t: t, ctx: t.Context(), srv: newTestServer(opts), lis: transport.NewPipeListener(), log: log}
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

// client returns a client that is not connected yet.
func (w *world) client(name string, groups ...string) *Client {
	cl := newTestClient(w.lis, &ClientOptions{Name: name, Groups: groups, Codec: testCodec{}, Retry: Retry{Off: true}})
	w.clients = append(w.clients, cl)
	return cl
}

// join connects a client and waits until the server has run its join handler.
func (w *world) join(cl *Client) *Client {
	require.NoError(w.t, cl.Connect(w.ctx))
	synctest.Wait()
	return cl
}

// conn returns the server's end of the client with that name.
func (w *world) conn(name string) *Conn {
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

// hello connects by hand and completes the handshake.
func (w *world) hello(h *wire.Hello) *coretest.Peer {
	p := w.peer()
	p.Send(wire.AppendHello([]byte(wire.Preface), h))
	require.Equal(w.t, wire.KindWelcome, p.Want().Kind)
	if h.Resume {
		p.Send(wire.AppendAck(nil, 0)) // the peer has the token
	}
	return p
}

// tellEverything is an Access.Notices that tells everybody everything.
func tellEverything(_, of *Conn, p *Presence) bool {
	p.Groups, p.Addr = of.Groups(), of.Addr()
	return true
}

// Short names for types of coretest.
type (
	kept[T any] = coretest.Kept[T]
	testCodec   = coretest.Codec
)

// newTestServer is NewServer for valid options.
func newTestServer(opts *ServerOptions) *Server { return made(newServer(opts)) }

// newTestClient is NewClient for valid options.
func newTestClient(d transport.Dialer, opts *ClientOptions) *Client { return made(NewClient(d, opts)) }

func made[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// resolved returns valid options with their defaults.
func resolved(opts *ServerOptions) ServerOptions { return made(opts.resolve()) }

// helloOf connects by hand and sends a hello.
func (w *world) helloOf(h *wire.Hello) *coretest.Peer {
	p := w.peer()
	p.Send(wire.AppendHello([]byte(wire.Preface), h))
	return p
}
