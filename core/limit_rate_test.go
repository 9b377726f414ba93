//go:build !js

package core

import (
	"bytes"
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// wantTooFast reads up to the goodbye of a client that was too fast.
func (p *peer) wantTooFast(reason string) time.Duration {
	p.t.Helper()
	for {
		f := p.want()
		if f.Kind != wire.KindGoodbye {
			continue
		}
		bye, err := wire.ParseGoodbye(f.Body)
		require.NoError(p.t, err)
		require.Equal(p.t, CodeRateLimit.String(), bye.Code.String())
		require.Equal(p.t, reason, bye.Reason)
		p.wantEOF()
		return bye.RetryAfter
	}
}

// rated serves with a handler of "n" that counts.
func (w *world) rated() *kept[int] {
	var got kept[int]
	w.srv.OnBytes("n", func(_ context.Context, _ *Conn, b []byte) error { got.add(len(b)); return nil })
	w.serve()
	return &got
}

func TestFrameRate(t *testing.T) {
	n := wire.AppendCommand(nil, "n", nil)
	inWorld(t, &ServerOptions{Limits: Limits{FrameRate: 100}, Timeouts: Timeouts{Heartbeat: -1}}, func(w *world) {
		got := w.rated()
		p := w.hello(&wire.Hello{})
		p.send(bytes.Repeat(n, 100))
		for range 20 { // as fast as it may be, for long
			time.Sleep(100 * time.Millisecond)
			p.send(bytes.Repeat(n, 10))
		}
		time.Sleep(time.Hour) // which saves no more than a second's worth
		p.send(bytes.Repeat(n, 100))
		synctest.Wait()
		require.Len(t, got.all(), 400)
		require.Equal(t, 1, w.srv.Len())
		p.send(bytes.Repeat(n, 1000))
		require.Equal(t, time.Second, p.wantTooFast("more than 100 frames a second"))
		require.Len(t, got.all(), 400, "nothing over the limit is handled")
		synctest.Wait()
		require.Zero(t, w.srv.Len())
	})
}

// Heartbeats are frames too: a flood of them is no way around the limit.
func TestFrameRateOfPings(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{FrameRate: 100}}, func(w *world) {
		w.rated()
		p := w.hello(&wire.Hello{})
		p.send(bytes.Repeat(wire.AppendPing(nil, 1), 200))
		p.wantTooFast("more than 100 frames a second")
	})
}

func TestByteRate(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{ByteRate: 10_000}}, func(w *world) {
		got := w.rated()
		p := w.hello(&wire.Hello{})
		n := wire.AppendCommand(nil, "n", make([]byte, 1000-wire.CommandSize("n", 0)-1))
		require.Len(t, n, 1000)
		for range 100 {
			p.send(n)
			time.Sleep(100 * time.Millisecond)
		}
		require.Len(t, got.all(), 100)
		time.Sleep(time.Second)
		p.send(bytes.Repeat(n, 10))
		synctest.Wait()
		require.Len(t, got.all(), 110)
		p.send(bytes.Repeat(n, 30))
		require.Greater(t, p.wantTooFast("more than 10000 B a second"), time.Second)
		require.Len(t, got.all(), 110)
	})
}

// What has piled up while the server did not read is no flood.
func TestRateWhileHandlersAreSlow(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{FrameRate: 100, InboxBytes: 1 << 10}, Timeouts: Timeouts{Heartbeat: -1}}, func(w *world) {
		var got kept[int]
		w.srv.OnBytes("slow", func(context.Context, *Conn, []byte) error { time.Sleep(10 * time.Second); return nil })
		w.srv.OnBytes("n", func(context.Context, *Conn, []byte) error { got.add(1); return nil })
		w.serve()
		p := w.hello(&wire.Hello{})
		p.send(wire.AppendCommand(nil, "slow", nil))
		n := wire.AppendCommand(nil, "n", nil)
		for range 90 { // 90 a second
			p.send(bytes.Repeat(n, 9))
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		require.Len(t, got.all(), 810)
		require.Equal(t, 1, w.srv.Len())
		p.send(bytes.Repeat(n, 1500))
		p.wantTooFast("more than 100 frames a second")
	})
}

// Nobody else pays for one who floods.
func TestFloodHoldsUpNobody(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{FrameRate: 1000}}, func(w *world) {
		w.srv.HandleBytes("up", func(context.Context, *Conn, []byte) ([]byte, error) { return nil, nil })
		w.serve()
		ada := w.join(w.client("ada"))
		for range 10 {
			p := w.hello(&wire.Hello{})
			p.send(bytes.Repeat(wire.AppendRaw(nil, nil), 2000))
			_, err := ada.CallBytes(w.ctx, "up", nil)
			require.NoError(t, err)
			p.wantTooFast("more than 1000 frames a second")
		}
		require.NoError(t, ada.Close())
	})
}

func TestBucket(t *testing.T) {
	b := newBucket(10)
	_, ok := b.spend(10)
	require.True(t, ok)
	wait, ok := b.spend(5)
	require.False(t, ok)
	require.Equal(t, 500*time.Millisecond, wait)
	b.fill(time.Hour, false)
	require.InDelta(t, 10, b.left, 1e-9)
	b.fill(time.Second, true)
	require.InDelta(t, 20, b.left, 1e-9)
	off := newBucket(0)
	_, ok = off.spend(math.MaxInt)
	require.True(t, ok)
}
