//go:build !js

package core

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A napper is a stream through memory that can sleep, and whose writes fail once it is broken.
type napper struct {
	transport.Conn
	naps   atomic.Int32
	asleep atomic.Bool
	broken atomic.Bool

	// The bytes that came while it slept. Owned by the reader.
	came bool
	buf  []byte
	n    int
	err  error
}

func (c *napper) read(pool transport.BufferPool) ([]byte, int, error) {
	return c.Conn.(transport.ReadyReader).ReadReady(pool)
}

func (c *napper) Sleep(woken func()) bool {
	c.naps.Add(1)
	c.asleep.Store(true)
	go func() {
		c.buf, c.n, c.err = c.read(&readBuffers)
		c.came = true
		c.asleep.Store(false)
		woken()
	}()
	return true
}

func (c *napper) ReadReady(pool transport.BufferPool) ([]byte, int, error) {
	if c.came {
		c.came = false
		return c.buf, c.n, c.err
	}
	return c.read(pool)
}

func (c *napper) WriteBuffers(bufs [][]byte) (int64, error) {
	if c.broken.Load() {
		return 0, errors.New("broken pipe")
	}
	return c.Conn.WriteBuffers(bufs)
}

func (c *napper) Write(p []byte) (int, error) {
	n, err := c.WriteBuffers([][]byte{p})
	return int(n), err
}

// inNaps runs f in a world whose server wraps the one stream that it accepts in nap.
func inNaps(t *testing.T, f func(w *world, nap *napper)) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Heartbeat: 4 * time.Second}}, func(w *world) {
		w.srv.OnBytes("echo", func(_ context.Context, c *Conn, p []byte) error { return c.SendBytes("echo", p) })
		nap := &napper{}
		served := w.serveWrapped(func(c transport.Conn) transport.Conn {
			nap.Conn = c
			return nap
		})
		f(w, nap)
		require.NoError(t, w.srv.Shutdown(w.ctx))
		require.NoError(t, <-served)
	})
}

// A connection sleeps once the answer to a ping has come after a silence, and again after each such answer. A
// connection does not sleep while anything else comes or goes.
func TestIdleConnSleeps(t *testing.T) {
	inNaps(t, func(w *world, nap *napper) {
		var heard atomic.Int32
		cl := w.client("ada")
		cl.OnBytes("echo", func(context.Context, *Conn, []byte) error { heard.Add(1); return nil })
		w.join(cl)
		c := w.conn("ada")
		for range 40 {
			require.NoError(t, cl.SendBytes("echo", nil))
			time.Sleep(400 * time.Millisecond) // more often than the sweeper looks
		}
		require.EqualValues(t, 40, heard.Load())
		require.Zero(t, nap.naps.Load(), "commands come")
		for range 40 {
			require.NoError(t, c.SendBytes("echo", nil))
			time.Sleep(400 * time.Millisecond)
		}
		require.EqualValues(t, 80, heard.Load())
		require.Zero(t, nap.naps.Load(), "commands go, and acks come")

		time.Sleep(10 * time.Second)
		synctest.Wait() // an answer that comes at this instant has woken it
		require.True(t, nap.asleep.Load())
		first := nap.naps.Load()
		time.Sleep(20 * time.Second)
		synctest.Wait()
		require.True(t, nap.asleep.Load(), "after the answer to another ping")
		require.GreaterOrEqual(t, nap.naps.Load(), first+3)

		require.NoError(t, cl.SendBytes("echo", nil))
		synctest.Wait()
		require.EqualValues(t, 81, heard.Load())
		require.False(t, nap.asleep.Load(), "a command has come")
		time.Sleep(20 * time.Second)
		synctest.Wait()
		require.True(t, nap.asleep.Load())
		require.NoError(t, c.SendBytes("echo", nil))
		synctest.Wait()
		require.EqualValues(t, 82, heard.Load(), "what sleeps is written to")
		require.NoError(t, cl.Close())
	})
}

// dozing returns the server's connection to a peer, asleep, and a function that hangs up.
func dozing(w *world, nap *napper, h *wire.Hello) (c *Conn, hang func()) {
	p := w.hello(h)
	synctest.Wait()
	c = w.conn(h.Name)
	for !nap.asleep.Load() {
		require.Equal(w.t, wire.KindPing, p.Want().Kind)
		p.Send(wire.AppendPong(nil, 0))
		synctest.Wait()
	}
	return c, func() { p.Stream.Close() } //nolint:errcheck // it is gone
}

// The end of a sleeping connection is noticed like the end of any other, in whichever way it ends
// or breaks off.
func TestConnEndsAsleep(t *testing.T) {
	tests := map[string]struct {
		do   func(c *Conn, nap *napper, hang func())
		want Code
		most time.Duration
	}{
		"the peer falls silent":  {func(*Conn, *napper, func()) {}, CodeHeartbeat, 10 * time.Second},
		"the peer hangs up":      {func(_ *Conn, _ *napper, hang func()) { hang() }, CodeConnLost, 0},
		"a write fails":          {func(c *Conn, nap *napper, _ func()) { nap.broken.Store(true); c.SendRaw(nil) }, CodeConnLost, 2 * time.Second}, //nolint:errcheck // it is queued
		"this side ends it":      {func(c *Conn, _ *napper, _ func()) { c.Close() }, CodeClosed, defaultCloseTime},
		"this side cuts it":      {func(c *Conn, _ *napper, _ func()) { c.cut(errors.New("over")) }, CodeConnLost, 0},
		"this side has a reason": {func(c *Conn, _ *napper, _ func()) { c.endWith(NewError(CodeIdle, "")) }, CodeIdle, defaultCloseTime},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inNaps(t, func(w *world, nap *napper) {
				c, hang := dozing(w, nap, &wire.Hello{Name: "ada"})
				tc.do(c, nap, hang)
				if tc.most > 0 {
					time.Sleep(tc.most)
				}
				synctest.Wait()
				require.Equal(t, tc.want, CodeOf(c.Err()))
				<-c.Done()
				hang()
			})
		})
	}
}

// A connection that breaks off while it sleeps waits for a resume.
func TestConnSuspendedAsleep(t *testing.T) {
	inNaps(t, func(w *world, nap *napper) {
		c, hang := dozing(w, nap, &wire.Hello{Name: "ada", Resume: true})
		hang()
		synctest.Wait()
		require.True(t, c.Suspended())
		c.Close()
		<-c.Done()
	})
}
