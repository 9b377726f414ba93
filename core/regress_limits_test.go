package core

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// Newcomers who are refused because the server is full take no place, even if they do not
// hang up: when somebody leaves, the next is let in.
func TestRefusedNewcomersTakeNoPlace(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{MaxConns: 1}}, func(w *world) {
		t := w.t
		w.serve()
		ada := w.join(w.client("ada"))
		refused := []*coretest.Peer{w.peer(), w.peer(), w.peer()}
		synctest.Wait()
		require.NoError(t, ada.Close())
		<-ada.Done()
		synctest.Wait()
		bob := w.client("bob")
		require.NoError(t, bob.Connect(w.ctx))
		for _, p := range refused {
			require.NoError(t, p.Stream.Close())
		}
		require.NoError(t, bob.Close())
	})
}

// beServer welcomes one client by hand, says what it is given to say, and reads up to the
// client's goodbye, which has that code.
func beServer(lis *transport.PipeListener, say []byte, code Code) error {
	stream, err := lis.Accept()
	if err != nil {
		return err
	}
	defer stream.Close() //nolint:errcheck // it is over
	p := coretest.Peer{Stream: stream}
	if _, err := p.ReadHello(); err != nil {
		return err
	}
	if _, err := stream.Write(append(wire.AppendWelcome(nil, &wire.Welcome{}), say...)); err != nil {
		return err
	}
	bye, err := p.ReadGoodbye()
	if err == nil && bye.Code != code {
		err = errors.New("goodbye with " + bye.Code.String())
	}
	return err
}

// A client leaves a server that puts it into more groups than can be, or into one whose name
// is none, and does not keep them.
func TestTooManyGroupsFromServer(t *testing.T) {
	tests := map[string]struct {
		prefix string
		code   Code
	}{
		"too many":   {"group ", CodeTooManyGroups},
		"not a name": {"\x1b[31m", CodeBadName},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				t := w.t
				var say []byte
				for i := range defaultClientGroups + 100 {
					say = wire.AppendJoinGroup(say, tc.prefix+strconv.Itoa(i))
				}
				result := make(chan error, 1)
				go func() { result <- beServer(w.lis, say, tc.code) }()
				cl := w.client("ada")
				require.NoError(t, cl.Connect(w.ctx))
				select {
				case <-cl.Done():
				case <-time.After(time.Minute):
				}
				require.NoError(t, cl.Close())
				require.Equal(t, tc.code.String(), CodeOf(cl.Err()).String())
				require.NoError(t, <-result)
				require.LessOrEqual(t, len(cl.Conn().Groups()), defaultClientGroups)
				require.NoError(t, w.lis.Close())
			})
		})
	}
}

// What handlers say about what a peer sent cannot forge a line of the log, nor speak to the
// terminal that shows it.
func TestLogOfHandlerErrorIsPrintable(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		say := func(payload []byte) error { return errors.New("bad " + string(payload)) }
		w.srv.OnBytes("command", func(_ context.Context, _ *Conn, b []byte) error { return say(b) })
		w.srv.HandleBytes("call", func(_ context.Context, _ *Conn, b []byte) ([]byte, error) { return nil, say(b) })
		w.srv.OnBytes("panic with error", func(_ context.Context, _ *Conn, b []byte) error { panic(say(b)) })
		w.srv.OnBytes("panic with text", func(_ context.Context, _ *Conn, b []byte) error { panic(string(b)) })
		w.serve()
		p := w.hello(&wire.Hello{})
		payload := []byte("a\nINFO forged\x1b[31m")
		p.Send(wire.AppendRequest(nil, 1, "call", payload))
		for _, command := range []string{"command", "panic with error", "panic with text"} {
			p.Send(wire.AppendCommand(nil, command, payload))
		}
		synctest.Wait()
		said := 0
		for _, line := range w.log.Lines() {
			require.NotContains(t, line, "\nINFO")
			require.NotContains(t, line, "\x1b")
			if strings.Contains(line, "forged") {
				said++
			}
		}
		require.GreaterOrEqual(t, said, 4, "each is logged")
		require.NoError(t, p.Stream.Close())
	})
}

// wrapped is a listener that changes what it accepts.
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

// serveWrapped serves streams that are changed by wrap. What Serve returns comes on the channel.
func (w *world) serveWrapped(wrap func(transport.Conn) transport.Conn) <-chan error {
	result := make(chan error, 1)
	go func() { result <- w.srv.Serve(w.ctx, &wrapped{w.lis, wrap}) }()
	return result
}

// blockedConn never gets rid of a byte but for the welcome, the first write.
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

// Writes that are stuck, of several connections at once, do not keep these from being found
// out and ended, although their peers are heard.
func TestBlockedWritersAreEnded(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		t := w.t
		var why kept[string]
		w.srv.OnLeave(func(_ *Conn, err error) { why.add(CodeOf(err).String()) })
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
		timeout := CodeWriteTimeout.String()
		require.Equal(t, []string{timeout, timeout, timeout}, why.all())
		for range conns {
			<-alive
		}
		require.NoError(t, w.srv.Shutdown(w.ctx))
		require.NoError(t, <-served)
	})
}
