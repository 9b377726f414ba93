//go:build !js

package core

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/admit"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// An Authorize that does not return keeps neither the stream nor the place. Shutdown does not wait
// for it.
func TestAuthorizeThatHangs(t *testing.T) {
	var hang chan struct{} // made in the bubble
	wait := func(name string) {
		if strings.HasPrefix(name, "hang") {
			<-hang
		}
	}
	tests := map[string]ServerOptions{
		"Authorize":      {Access: Access{Authorize: func(_ context.Context, a *Admission) error { wait(a.Name); return nil }}},
		"AuthorizeGroup": {Access: Access{AuthorizeGroup: func(_ context.Context, c *Conn, _ string) error { wait(c.Name()); return nil }}},
	}
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			opts.Limits.MaxHandshakes, opts.Limits.MaxConns, opts.Timeouts.Hello = 3, 3, 5*time.Second
			inWorld(t, &opts, func(w *world) {
				hang = make(chan struct{})
				var joined, faults kept[string]
				w.srv.OnJoin(func(c *Conn) { joined.Add(c.Name()) })
				w.srv.OnError(func(_ *Conn, err error) { faults.Add(err.Error()) })
				w.serve()
				var peers []*coretest.Peer
				for range 3 {
					peers = append(peers, w.helloOf(&wire.Hello{Name: "hang", Groups: []string{"g"}}))
				}
				synctest.Wait()
				require.Equal(t, 3, w.srv.gate.Counts().Deciding)
				start := time.Now()
				for _, p := range peers {
					p.WantRefuse(CodeUnavailable, "")
				}
				require.Equal(t, 5*time.Second+admit.Grace, time.Since(start))
				synctest.Wait()
				require.Equal(t, admit.Counts{}, w.srv.gate.Counts())
				require.Len(t, faults.All(), 3)
				require.Contains(t, faults.All()[0], "does not return")
				w.join(w.client("ada", "g"))
				last := w.helloOf(&wire.Hello{Name: "hang on", Groups: []string{"g"}})
				synctest.Wait()
				require.NoError(t, w.srv.Shutdown(w.ctx), "though four hang")
				last.WantRefuse(CodeUnavailable, "")
				close(hang)
				synctest.Wait()
				require.Equal(t, []string{"ada"}, joined.All(), "what they return counts for nothing")
				require.Equal(t, 4, strings.Count(strings.Join(faults.All(), "\n"), "does not return"))
			})
		})
	}
}

// An Authorize that ends its goroutine is reported. Its newcomer is refused.
func TestAuthorizeThatEndsItsGoroutine(t *testing.T) {
	tests := map[string]ServerOptions{
		"Authorize":      {Access: Access{Authorize: func(context.Context, *Admission) error { runtime.Goexit(); return nil }}},
		"AuthorizeGroup": {Access: Access{AuthorizeGroup: func(context.Context, *Conn, string) error { runtime.Goexit(); return nil }}},
	}
	for name, opts := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &opts, func(w *world) {
				var faults kept[string]
				w.srv.OnError(func(_ *Conn, err error) { faults.Add(err.Error()) })
				w.serve()
				w.helloOf(&wire.Hello{Name: "ada", Groups: []string{"g"}}).WantRefuse(CodeUnavailable, "")
				synctest.Wait()
				require.Equal(t, admit.Counts{}, w.srv.gate.Counts())
				require.Len(t, faults.All(), 1)
				require.Contains(t, faults.All()[0], "ended its goroutine")
				require.Contains(t, strings.Join(w.log.Lines(), "\n"), "ended its goroutine")
			})
		})
	}
}

// A newcomer that loses its place has the context of its decision canceled, also if it lost the place
// before the program was asked.
func TestPlaceLostBeforeAuthorize(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		here, there := transport.Pipe()
		ar := &arrival{stream: here}
		ar.slot, _ = w.srv.gate.Enter(admit.Addr{Host: "10.1.1.1"}, ar)
		_, no := w.srv.gate.Ask(ar.slot)
		require.Equal(t, admit.None, no)
		w.srv.gate.Free(ar.slot)
		w.srv.hurry(ar)
		ctx := w.srv.beginDecision(w.ctx, ar, time.Time{})
		require.ErrorIs(t, ctx.Err(), context.Canceled)
		require.True(t, w.srv.decided(ar))
		here.Close()  //nolint:errcheck // it is over
		there.Close() //nolint:errcheck // it is over
	})
}
