//go:build !js

package media_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/tcp"
	"github.com/hisock/hisock/transport/transporttest"
	"github.com/hisock/hisock/ws"
)

// shout sends to all twice: the first write that comes too late provokes a reset, and the second
// fails.
func shout(srv *core.Server) {
	for range 2 {
		srv.All().Send("shout", "all") //nolint:errcheck // there may be nobody
		time.Sleep(time.Millisecond)
	}
}

// Commands of clients that leave or die are handled, although writes to these clients fail before the
// commands are read.
func TestMessagesBeforeLeavingAreHandled(t *testing.T) {
	const clients = 200
	native := func(stream io.ReadWriteCloser, i int) error {
		hello := wire.AppendHello([]byte(wire.Preface), &wire.Hello{Version: wire.Version, Resume: true})
		if _, err := stream.Write(hello); err != nil {
			return err
		}
		if _, err := stream.Read(make([]byte, 1)); err != nil { // the client is welcomed; the rest stays unread
			return err
		}
		b := wire.AppendAck(nil, 0)
		for k := range 10 {
			b = wire.AppendCommand(b, "n", fmt.Append(nil, 10*i+k))
		}
		_, err := stream.Write(b)
		return err
	}
	python := func(stream io.ReadWriteCloser, i int) error {
		hello, all := fmt.Sprintf(`$CLTHELLO$ {"name": "c%d", "group": null}`, i), ""
		all += fmt.Sprintf("%-16d%s", len(hello), hello)
		for k := range 10 {
			say := fmt.Sprint("n ", 10*i+k)
			all += fmt.Sprintf("%-16d%s", len(say), say)
		}
		_, err := io.WriteString(stream, all)
		return err
	}
	for name, tc := range map[string]struct {
		ws  bool
		run func(stream io.ReadWriteCloser, i int) error
	}{
		"a classic client over TCP":    {false, python},
		"a native one over TCP":        {false, native},
		"a native one over WebSockets": {true, native},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), transporttest.Patience)
			defer cancel()
			var handled atomic.Int64
			srv := harness.NewServer(&core.ServerOptions{Timeouts: core.Timeouts{Resume: 50 * time.Millisecond}})
			var gone atomic.Int64
			join := make(chan struct{}, clients)
			core.On(srv, "n", func(_ context.Context, c *core.Conn, n int) error {
				if n%10 == 0 {
					shout(srv) // writes fail in the middle of this client's commands
				}
				handled.Add(1)
				return nil
			})
			srv.OnJoin(func(*core.Conn) { join <- struct{}{} })
			srv.OnLeave(func(*core.Conn, error) { gone.Add(1) })

			var dial func() (io.ReadWriteCloser, error)
			if tc.ws {
				l := coretest.Must(ws.NewListener(nil))
				web := httptest.NewServer(http.Handler(l))
				defer web.Close()
				go srv.Serve(ctx, l) //nolint:errcheck // nil after Shutdown
				d := ws.Dialer("ws"+web.URL[len("http"):], nil)
				dial = func() (io.ReadWriteCloser, error) { return d.Dial(ctx) }
			} else {
				l, err := tcp.Listen("127.0.0.1:0", nil)
				require.NoError(t, err)
				go srv.Serve(ctx, l) //nolint:errcheck // nil after Shutdown
				dial = func() (io.ReadWriteCloser, error) { return net.Dial("tcp", l.Addr()) }
			}
			for i := range clients {
				stream, err := dial()
				require.NoError(t, err)
				require.NoError(t, tc.run(stream, i))
				require.NoError(t, stream.Close())
			}
			for range clients {
				select {
				case <-join:
				case <-ctx.Done():
					require.FailNow(t, "not all have joined")
				}
			}
			for gone.Load() < clients && ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
			require.EqualValues(t, 10*clients, handled.Load())
			require.NoError(t, srv.Shutdown(ctx))
		})
	}
}
