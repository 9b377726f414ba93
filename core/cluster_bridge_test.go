//go:build !js

package core

import (
	"context"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/stream"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A lateContext is a context that has ended before its watchers run. It runs none.
type lateContext struct {
	context.Context
	done chan struct{}
}

func (l lateContext) Done() <-chan struct{} { return l.done }

func (lateContext) AfterFunc(func()) (stop func() bool) { return func() bool { return true } }

// A bridge gives the stream to the client up when it ends, whoever of its goroutines sees first that the other node's stream has failed.
func TestBridgeGivesUpItsClient(t *testing.T) {
	why := &Error{Code: CodeConnLost, Message: "gone"}
	for name, fail := range map[string]func(b *bridge){
		"its context ends": func(b *bridge) { b.cancel(why) },
		"its stream fails": func(b *bridge) { b.l.table.End(why) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lis := transport.NewPipeListener()
				var o ServerOptions
				srv, err := NewServer(&o)
				require.NoError(t, err)
				conns := make(chan *Conn, 1)
				srv.OnJoin(func(c *Conn) { conns <- c })
				go srv.Serve(t.Context(), lis)           //nolint:errcheck // nil after Shutdown
				defer srv.Shutdown(context.Background()) //nolint:errcheck // nothing to be done about it
				cl, err := NewClient(lis, &ClientOptions{Retry: Retry{Off: true}, Logger: Silent})
				require.NoError(t, err)
				ended := make(chan error, 1)
				HandleByteStream(cl, "wait", func(_ context.Context, _ *Conn, _ string, s *ByteStream) error {
					err := s.CloseWrite()
					if err == nil {
						_, err = s.Read(make([]byte, 1))
					}
					ended <- err
					return err
				})
				require.NoError(t, cl.Connect(t.Context()))
				defer cl.Close() //nolint:errcheck // nothing to be done about it

				o.Cluster.Relay = struct{ Relay }{} // nobody joins it: that server does not serve
				other, err := NewServer(&o)
				require.NoError(t, err)
				l := other.cluster.newLine(other.cluster.self+1, false)
				far, v := l.table.Accept(&wire.OpenStream{ID: 2, Window: 1 << 16})
				require.Equal(t, stream.Fine, v)
				b := &bridge{l: l, c: <-conns, far: far, farStopped: make(chan struct{}, 1), nearStopped: make(chan struct{}, 1)}
				ctx, cancel := context.WithCancelCause(t.Context())
				late := lateContext{ctx, make(chan struct{})}
				b.ctx, b.cancel = late, func(why error) {
					if ctx.Err() == nil {
						cancel(why)
						close(late.done)
					}
				}
				done := make(chan struct{})
				go func() {
					defer close(done)
					b.run("wait", []byte(`""`), streamKind{bytes: true})
				}()
				synctest.Wait()
				fail(b)
				<-done
				synctest.Wait()
				select {
				case err := <-ended:
					require.Equal(t, CodeConnLost, CodeOf(err))
				default:
					t.Fatal("the handler goes on")
				}
			})
		})
	}
}
