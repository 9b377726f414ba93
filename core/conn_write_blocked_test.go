package core

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// wrapped is a listener that wraps each stream that it accepts.
type wrapped struct {
	*transport.PipeListener
	wrap func(transport.Conn) transport.Conn
}

func (l *wrapped) Accept() (transport.Conn, error) {
	stream, err := l.PipeListener.Accept()
	if err != nil {
		return nil, err
	}
	return l.wrap(stream), nil
}

// serveWrapped serves streams that wrap has changed. The channel gets the result of Serve.
func (w *world) serveWrapped(wrap func(transport.Conn) transport.Conn) <-chan error {
	result := make(chan error, 1)
	go func() { result <- w.srv.Serve(w.ctx, &wrapped{w.lis, wrap}) }()
	return result
}

// blockedConn blocks in each write but the first, the welcome.
type blockedConn struct {
	transport.Conn
	welcomed atomic.Bool
	closed   chan struct{}
	once     sync.Once
}

func newBlockedConn(stream transport.Conn) transport.Conn {
	return &blockedConn{Conn: stream, closed: make(chan struct{})}
}

func (c *blockedConn) Write(b []byte) (int, error) {
	if !c.welcomed.Swap(true) {
		return c.Conn.Write(b)
	}
	return 0, c.block()
}

func (c *blockedConn) WriteBuffers([][]byte) (int64, error) { return 0, c.block() }

func (c *blockedConn) block() error {
	<-c.closed
	return transport.ErrClosed
}

func (c *blockedConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// Several connections whose writes are stuck at once are all found and ended, although their peers
// are heard.
func TestBlockedWritersAreEnded(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		var why kept[string]
		w.srv.OnLeave(func(_ *Conn, err error) { why.Add(CodeOf(err).String()) })
		w.srv.OnJoin(func(c *Conn) { c.SendRaw([]byte("which is never written")) }) //nolint:errcheck // it is queued
		served := w.serveWrapped(newBlockedConn)
		const conns = 3
		alive := make(chan struct{}, conns)
		for range conns {
			p := w.peer()
			p.Send(wire.AppendHello([]byte(wire.Preface), &wire.Hello{}))
			go func() {
				defer func() { alive <- struct{}{} }()
				for { // until the server has closed
					if _, err := p.Stream.Write(wire.AppendPong(nil, 1)); err != nil {
						return
					}
					time.Sleep(time.Second)
				}
			}()
			defer p.Stream.Close() //nolint:errcheck // the server has closed it
		}
		time.Sleep(2 * defaultWriteTime)
		synctest.Wait()
		timeout := CodeWriteTimeout.String()
		require.Equal(t, []string{timeout, timeout, timeout}, why.All())
		for range conns {
			<-alive
		}
		require.NoError(t, w.srv.Shutdown(w.ctx))
		require.NoError(t, <-served)
	})
}
