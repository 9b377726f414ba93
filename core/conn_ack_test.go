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

// Acks are few under load, and what waits for one is let go when nothing more comes.
func TestAcksAreFew(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.srv.OnBytes("x", func(context.Context, *Conn, []byte) error { return nil })
		w.serve()
		p := w.hello(&wire.Hello{Name: "ada", Resume: true})
		const frames = 100_000
		acks := make(chan []uint64, 1)
		go func() {
			var got []uint64
			for {
				f, err := p.Frame(wire.DefaultMaxFrame)
				if err != nil {
					acks <- got
					return
				}
				if f.Kind == wire.KindAck {
					n, _ := wire.ParseAck(f.Body)
					got = append(got, n)
				}
			}
		}()
		frame := wire.AppendCommand(nil, "x", make([]byte, 64))
		for range frames {
			p.Send(frame)
		}
		time.Sleep(10 * time.Second)
		require.NoError(t, p.Stream.Close())
		got := <-acks
		require.NotEmpty(t, got)
		require.Less(t, len(got), frames/100)
		require.EqualValues(t, frames, got[len(got)-1], "the last by the sweeper")
		for i := 1; i < len(got); i++ {
			require.Greater(t, got[i], got[i-1])
		}
	})
}

// An ack of frames that are not written yet ends the connection, whatever has been queued.
func TestAckOfWhatWasNeverWritten(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 4 << 20}}, func(w *world) {
		w.serve()
		p := w.hello(&wire.Hello{Resume: true})
		c := w.only()
		const frames = 64
		for range frames { // far more than one write takes, of a peer that does not read
			require.NoError(t, c.SendBytes("bulk", make([]byte, 32<<10)))
		}
		synctest.Wait()
		p.Send(wire.AppendAck(nil, frames))
		synctest.Wait() // else the peer may read all of it before the server reads the ack, which is true then
		p.WantGoodbye(CodeProtocol, "")
	})
}
