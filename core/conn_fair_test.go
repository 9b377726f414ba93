//go:build !js

package core

import (
	"context"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/internal/turn"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// A reader that has had its time lets other readers go first if connections are crowded, and only
// then.
func TestReaderLetsOthersGoFirst(t *testing.T) {
	srv := newTestServer(nil)
	handled := 0
	srv.OnBytes("x", func(context.Context, *Conn, []byte) error { handled++; return nil })
	srv.freeze()
	near, _ := transport.Pipe()
	c := newConn(t.Context(), srv.eng, 1, hole{near})
	f := &srv.eng.sweep.fair
	defer f.close()
	rd := &reader{link: c.sess.Link()}
	c.rd = rd
	const frames = 1000
	for range frames {
		rd.buf = wire.AppendCommand(rd.buf, "x", nil)
	}
	read := func(times int) {
		for range times {
			rd.r, rd.w = 0, len(rd.buf)
			require.True(t, c.batch(rd))
		}
	}
	f.count(0)                                                         // stores the number of processors
	enough := int(time.Duration(f.time.Load())/(frames*frameTime)) + 1 // batches
	read(2 * enough)
	require.Zero(t, f.gate.Passed(), "nobody else wants anything")
	f.crowded.Store(true)
	read(4 * enough)
	require.GreaterOrEqual(t, f.gate.Passed(), uint64(2))
	require.LessOrEqual(t, f.gate.Passed(), uint64(5))
	f.crowded.Store(false)
	passed := f.gate.Passed()
	read(2 * enough)
	require.Equal(t, passed, f.gate.Passed())
	require.Equal(t, 8*enough*frames, handled)
}

// Connections are crowded while more of them are busy than there are processors.
func TestCrowded(t *testing.T) {
	srv := newTestServer(nil)
	srv.freeze()
	s := srv.eng.sweep
	crowd := runtime.GOMAXPROCS(0) + 1
	var conns []*Conn
	for id := range crowd {
		require.False(t, s.fair.crowded.Load())
		near, _ := transport.Pipe()
		c := newConn(t.Context(), srv.eng, uint64(id), near)
		conns = append(conns, c)
		s.busy(c)
	}
	require.True(t, s.fair.crowded.Load())
	for _, c := range conns[1:] {
		c.turn.End(c.turn.Begin(turn.Handling))
	}
	require.GreaterOrEqual(t, s.fair.time.Load(), int64(fairTime))
	s.sweepActive()
	require.False(t, s.fair.crowded.Load(), "one of them does nothing any more")
	s.busy(conns[0])
	require.True(t, s.fair.crowded.Load())
	s.sweepActive()
	s.sweepActive()
	require.False(t, s.fair.crowded.Load())
}

// A long batch of commands that each take a while does not keep other connections waiting: they go
// first in the middle of the batch. Answers to commands that were handled do not wait either.
func TestLongBatchLetsOthersGoFirst(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.srv.HandleBytes("work", func(context.Context, *Conn, []byte) ([]byte, error) {
			time.Sleep(time.Millisecond) // too quick to be taken over
			return nil, nil
		})
		w.serve()
		const calls = 4 * fairFrames
		var batch []byte
		for id := range uint64(calls) {
			batch = wire.AppendRequest(batch, id+1, "work", nil)
		}
		var peers []*coretest.Peer
		for range runtime.GOMAXPROCS(0) + 1 {
			p := w.hello(&wire.Hello{})
			p.Send(batch)
			peers = append(peers, p)
		}
		for _, p := range peers {
			for id := range uint64(calls) {
				got, _, err := wire.ParseReply(p.Want().Body)
				require.NoError(t, err)
				require.Equal(t, id+1, got)
			}
		}
		synctest.Wait()
		require.NotZero(t, w.srv.eng.sweep.fair.gate.Passed())
		for _, p := range peers {
			require.NoError(t, p.Stream.Close())
		}
	})
}
