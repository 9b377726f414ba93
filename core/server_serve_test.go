package core

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/transport"
)

// A dryListener cannot accept until a point in time, like a listener that lacks descriptors.
type dryListener struct {
	*transport.PipeListener
	until time.Time
}

type dryError struct{}

func (dryError) Error() string   { return "too many open files" }
func (dryError) Temporary() bool { return true }

func (l *dryListener) Accept() (transport.Conn, error) {
	if time.Now().Before(l.until) {
		return nil, dryError{}
	}
	return l.PipeListener.Accept()
}

// A listener that fails for a minute does not end Serve and does not fill the log.
func TestAcceptFailsForAWhile(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		l := &dryListener{PipeListener: w.lis, until: time.Now().Add(time.Minute)}
		go w.srv.Serve(w.ctx, l) //nolint:errcheck // nil after Shutdown
		time.Sleep(time.Minute + 2*time.Second)
		synctest.Wait()
		w.join(w.client("ada"))
		lines := 0
		for _, line := range w.log.Lines() {
			if strings.Contains(line, "failed to accept") {
				lines++
			}
		}
		require.LessOrEqual(t, lines, 7)
		require.NotZero(t, lines)
	})
}

// Middleware may query the server while it is put around a handler.
func TestMiddlewareAsksTheServer(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		asked := 0
		w.srv.Use(func(next Handler) Handler {
			asked += 1 + len(w.srv.ListenAddrs()) + w.srv.Len()
			return next
		})
		w.srv.OnBytes("n", func(context.Context, *Conn, []byte) error { return nil })
		w.serve()
		cl := w.join(w.client("ada"))
		require.NotZero(t, asked)
		require.NoError(t, cl.Close())
	})
}
