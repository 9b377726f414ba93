//go:build !js

package core

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// A client that sends only heartbeats goes when Timeouts.Idle has passed.
func TestIdleTimeout(t *testing.T) {
	opts := &ServerOptions{Timeouts: Timeouts{Idle: 20 * time.Second, Heartbeat: 2 * time.Second}}
	inWorld(t, opts, func(w *world) {
		var gone kept[string]
		w.srv.OnLeave(func(c *Conn, why error) { gone.Add(c.Name() + ": " + CodeOf(why).String()) })
		w.srv.OnBytes("n", func(context.Context, *Conn, []byte) error { return nil })
		w.srv.HandleBytes("n", func(context.Context, *Conn, []byte) ([]byte, error) { return nil, nil })
		w.srv.HandleBytes("long", func(context.Context, *Conn, []byte) ([]byte, error) { time.Sleep(time.Minute); return nil, nil })
		w.serve()
		idle := w.join(w.client("idle"))
		does := map[string]func(cl *Client){
			"commands": func(cl *Client) { require.NoError(t, cl.SendBytes("n", nil)) },
			"raws":     func(cl *Client) { require.NoError(t, cl.SendRaw(nil)) },
			"calls":    func(cl *Client) { _, err := cl.CallBytes(w.ctx, "n", nil); require.NoError(t, err) },
		}
		clients := make(map[string]*Client)
		for name := range does {
			clients[name] = w.join(w.client(name))
		}
		answered := make(chan error, 1)
		long := w.join(w.client("long"))
		go func() { _, err := long.CallBytes(w.ctx, "long", nil); answered <- err }()
		start := time.Now()
		ended := make(chan time.Duration, 1)
		go func() { <-idle.Done(); ended <- time.Since(start) }()
		for range 10 {
			for name, do := range does {
				do(clients[name])
			}
			time.Sleep(5 * time.Second)
		}
		require.InDelta(t, 22*time.Second, <-ended, float64(3*time.Second))
		require.Equal(t, CodeIdle.String(), CodeOf(idle.Err()).String())
		require.True(t, IsRemote(idle.Err()))
		require.Equal(t, []string{"idle: idle"}, gone.All())
		require.NoError(t, <-answered, "its handler ran")
	})
}

// A silent client stays if Timeouts.Idle is not set.
func TestIdleByDefault(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		cl := w.join(w.client("ada"))
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		require.NoError(t, cl.Err())
		require.NoError(t, cl.Close())
	})
}

// A frame must be complete within Timeouts.Frame. A large frame has longer.
func TestFrameTimeout(t *testing.T) {
	tests := map[string]struct {
		opts  ServerOptions
		size  int
		least time.Duration // zero: the frame is waited for
	}{
		"by default":   {size: 100, least: 20 * time.Second},
		"set":          {opts: ServerOptions{Timeouts: Timeouts{Frame: 4 * time.Second}}, size: 100, least: 4 * time.Second},
		"a large one":  {opts: ServerOptions{Timeouts: Timeouts{Frame: 4 * time.Second}}, size: 10 * 16 << 10, least: 14 * time.Second},
		"turned off":   {opts: ServerOptions{Timeouts: Timeouts{Frame: -1}}, size: 100},
		"size unknown": {opts: ServerOptions{Timeouts: Timeouts{Frame: 4 * time.Second}}, size: 0, least: 4 * time.Second},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			tc.opts.Timeouts.Heartbeat = -1
			inWorld(t, &tc.opts, func(w *world) {
				got := w.rated()
				p := w.hello(&wire.Hello{})
				frame := wire.AppendCommand(nil, "n", make([]byte, tc.size))
				start := time.Now()
				if tc.size == 0 {
					p.Send([]byte{0x80}) // of a length in two bytes
				} else {
					p.Send(frame[:20])
				}
				if tc.least == 0 {
					time.Sleep(time.Hour)
					p.Send(frame[20:])
					synctest.Wait()
					require.Equal(t, []int{tc.size}, got.All())
					return
				}
				p.WantGoodbye(CodeDeadlineExceeded, "a frame that began")
				require.GreaterOrEqual(t, time.Since(start), tc.least)
				require.Less(t, time.Since(start), tc.least+tc.least/2+10*time.Second)
			})
		})
	}
}

// A frame that comes byte by byte is late, also after whole frames.
func TestDrip(t *testing.T) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Frame: 10 * time.Second}}, func(w *world) {
		got := w.rated()
		p := w.hello(&wire.Hello{})
		n := wire.AppendCommand(nil, "n", make([]byte, 100))
		p.Send(n)
		ended := make(chan time.Duration, 1)
		start := time.Now()
		go func() {
			time.Sleep(100 * time.Millisecond) // no byte comes at the moment of a sweep
			for {                              // one byte a second satisfies the heartbeat
				for _, b := range n {
					if _, err := p.Stream.Write([]byte{b}); err != nil {
						ended <- time.Since(start)
						return
					}
					time.Sleep(time.Second)
				}
			}
		}()
		p.WantGoodbye(CodeDeadlineExceeded, "a frame that began")
		require.InDelta(t, 12*time.Second, <-ended, float64(4*time.Second))
		require.Len(t, got.All(), 1)
	})
}

// A busy client, of which some frame is always under way, is not slow. A client whose frame waits
// because the server does not read is not slow either.
func TestDripIsNotBusy(t *testing.T) {
	opts := &ServerOptions{Timeouts: Timeouts{Frame: 4 * time.Second}, Limits: Limits{InboxBytes: 1 << 10}}
	inWorld(t, opts, func(w *world) {
		release := make(chan struct{})
		w.srv.OnBytes("slow", func(context.Context, *Conn, []byte) error { <-release; return nil })
		got := w.rated()
		p := w.hello(&wire.Hello{})
		n := wire.AppendCommand(nil, "n", make([]byte, 100))
		p.Send(n[:50])
		for range 60 {
			time.Sleep(time.Second)
			p.Send(append(append([]byte(nil), n[50:]...), n[:50]...))
		}
		p.Send(n[50:])
		synctest.Wait()
		require.Len(t, got.All(), 61)

		p.Send(wire.AppendCommand(nil, "slow", nil))
		p.Send(n[:50])
		time.Sleep(time.Second)
		p.Send(n[50:])
		for range 49 {
			p.Send(n)
		}
		p.Send(n[:50])
		time.Sleep(time.Minute)
		close(release)
		time.Sleep(time.Second)
		p.Send(n[50:])
		synctest.Wait()
		require.Len(t, got.All(), 112)
		require.Equal(t, 1, w.srv.Len())
	})
}

// wantTooFast reads up to the goodbye of a client that was too fast, and returns the time after
// which it may come back.
func wantTooFast(p *coretest.Peer, reason string) time.Duration {
	p.T.Helper()
	return p.WantGoodbye(CodeRateLimit, reason).RetryAfter
}

// rated serves with a handler of "n" and returns the lengths of the payloads that the handler gets.
func (w *world) rated() *kept[int] {
	var got kept[int]
	w.srv.OnBytes("n", func(_ context.Context, _ *Conn, b []byte) error { got.Add(len(b)); return nil })
	w.serve()
	return &got
}

func TestFrameRate(t *testing.T) {
	n := wire.AppendCommand(nil, "n", nil)
	inWorld(t, &ServerOptions{Limits: Limits{FrameRate: 100}, Timeouts: Timeouts{Heartbeat: -1}}, func(w *world) {
		got := w.rated()
		p := w.hello(&wire.Hello{})
		p.Send(bytes.Repeat(n, 100))
		for range 20 { // as fast as the limit allows, for long
			time.Sleep(100 * time.Millisecond)
			p.Send(bytes.Repeat(n, 10))
		}
		time.Sleep(time.Hour) // saves up at most the frames of a second
		p.Send(bytes.Repeat(n, 100))
		synctest.Wait()
		require.Len(t, got.All(), 400)
		require.Equal(t, 1, w.srv.Len())
		p.Send(bytes.Repeat(n, 1000))
		require.Equal(t, time.Second, wantTooFast(p, "more than 100 frames a second"))
		require.Len(t, got.All(), 400, "nothing over the limit is handled")
		synctest.Wait()
		require.Zero(t, w.srv.Len())
	})
}

// Heartbeats count as frames: a flood of them is no way around the limit.
func TestFrameRateOfPings(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{FrameRate: 100}}, func(w *world) {
		w.rated()
		p := w.hello(&wire.Hello{})
		p.Send(bytes.Repeat(wire.AppendPing(nil, 1), 200))
		wantTooFast(p, "more than 100 frames a second")
	})
}

func TestByteRate(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{ByteRate: 10_000}}, func(w *world) {
		got := w.rated()
		p := w.hello(&wire.Hello{})
		n := wire.AppendCommand(nil, "n", make([]byte, 1000-wire.CommandSize("n", 0)-1))
		require.Len(t, n, 1000)
		for range 100 {
			p.Send(n)
			time.Sleep(100 * time.Millisecond)
		}
		require.Len(t, got.All(), 100)
		time.Sleep(time.Second)
		p.Send(bytes.Repeat(n, 10))
		synctest.Wait()
		require.Len(t, got.All(), 110)
		p.Send(bytes.Repeat(n, 30))
		require.Greater(t, wantTooFast(p, "more than 10000 B a second"), time.Second)
		require.Len(t, got.All(), 110)
	})
}

// Frames that have piled up while the server did not read are no flood.
func TestRateWhileHandlersAreSlow(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{FrameRate: 100, InboxBytes: 1 << 10}, Timeouts: Timeouts{Heartbeat: -1}}, func(w *world) {
		var got kept[int]
		w.srv.OnBytes("slow", func(context.Context, *Conn, []byte) error { time.Sleep(10 * time.Second); return nil })
		w.srv.OnBytes("n", func(context.Context, *Conn, []byte) error { got.Add(1); return nil })
		w.serve()
		p := w.hello(&wire.Hello{})
		p.Send(wire.AppendCommand(nil, "slow", nil))
		n := wire.AppendCommand(nil, "n", nil)
		for range 90 { // 90 a second
			p.Send(bytes.Repeat(n, 9))
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		require.Len(t, got.All(), 810)
		require.Equal(t, 1, w.srv.Len())
		p.Send(bytes.Repeat(n, 1500))
		wantTooFast(p, "more than 100 frames a second")
	})
}

// A client that floods does not delay other clients.
func TestFloodHoldsUpNobody(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{FrameRate: 1000}}, func(w *world) {
		w.srv.HandleBytes("up", func(context.Context, *Conn, []byte) ([]byte, error) { return nil, nil })
		w.serve()
		ada := w.join(w.client("ada"))
		for range 10 {
			p := w.hello(&wire.Hello{})
			p.Send(bytes.Repeat(wire.AppendRaw(nil, nil), 2000))
			_, err := ada.CallBytes(w.ctx, "up", nil)
			require.NoError(t, err)
			wantTooFast(p, "more than 1000 frames a second")
		}
		require.NoError(t, ada.Close())
	})
}
