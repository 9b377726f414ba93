//go:build !js

package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// A client that reads nothing, does what ends its connection, and hangs up before it could be told
// why, leaves once, whoever looks at its connection just then.
func TestHangsUpBeforeItIsTold(t *testing.T) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Close: time.Hour}}, func(w *world) {
		events := w.events()
		w.serve()
		p := w.hello(&wire.Hello{Name: "ada"})
		require.NoError(t, w.only().SendBytes("bulk", make([]byte, 500<<10))) // more than a pipe holds
		time.Sleep(time.Second)
		p.send(wire.AppendCommand(nil, "nothing", nil)) // so that the sweeper looks
		p.send([]byte{0})
		synctest.Wait()
		p.stream.Close() //nolint:errcheck // it hangs up
		time.Sleep(time.Second)
		require.Equal(t, []string{"join ada", "leave ada: protocol error"}, events.all())
	})
}

// The sweeper may look at a connection that finishes at this moment.
func TestSweepOfWhatHasFinished(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		events := w.events()
		w.srv.OnBytes("n", func(context.Context, *Conn, []byte) error { return nil })
		w.serve()
		p := w.hello(&wire.Hello{Name: "ada", Resume: true})
		c := w.only()
		p.send(wire.AppendCommand(nil, "n", nil))
		synctest.Wait()
		conns := w.srv.eng.sweep.conns()
		require.Equal(t, []*Conn{c}, conns)
		p.send(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed}))
		p.stream.Close() //nolint:errcheck // it is over
		<-c.Done()
		for _, c := range conns { // as sweepAll and sweepActive do
			c.checkReads(time.Minute)
			c.checkWrites(time.Minute)
			c.checkAck()
			c.checkAck()
			c.endBatch()
		}
		synctest.Wait()
		require.Equal(t, []string{"join ada", "leave ada: closed"}, events.all())
	})
}
