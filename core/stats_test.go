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

// The round-trip time is the time between a ping and its answer, whether the ping was written alone or
// with other frames. No frame is written only to measure it.
func TestRoundTripTime(t *testing.T) {
	const heartbeat = 8 * time.Second
	tests := map[string]struct {
		heartbeat time.Duration
		sends     bool // the server writes a frame each second
		hears     bool // the server hears from the client each second
		pinged    bool
	}{
		"a silent client":       {heartbeat: heartbeat, pinged: true},
		"one that talks":        {heartbeat: heartbeat, hears: true},
		"one that is talked to": {heartbeat: heartbeat, hears: true, sends: true, pinged: true},
		"without heartbeats":    {heartbeat: -1, hears: true, sends: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Timeouts: Timeouts{Heartbeat: tc.heartbeat}}, func(w *world) {
				w.srv.OnBytes("n", func(context.Context, *Conn, []byte) error { return nil })
				w.serve()
				p := w.hello(&wire.Hello{})
				synctest.Wait()
				c := first(w)
				before := c.Stats()
				require.Zero(t, before.RTT)
				frame := wire.AppendCommand(nil, "n", nil)
				heard, told := 0, 0
				pings := 0
				if tc.hears {
					time.Sleep(300 * time.Millisecond) // not when the sweeper looks: it would ping a client whose frame is being read
				}
				for range 13 {
					if tc.hears {
						p.Send(frame)
						heard += len(frame)
					}
					if tc.sends {
						require.NoError(t, c.SendBytes("n", nil))
						told += len(frame)
					}
					synctest.Wait()
					for c.Stats().SentBytes-before.SentBytes > uint64(told) {
						f := p.Want()
						if f.Kind != wire.KindPing {
							continue
						}
						pings++
						nonce, err := wire.ParseNonce(f.Body)
						require.NoError(t, err)
						time.Sleep(30 * time.Millisecond)
						pong := wire.AppendPong(nil, nonce)
						p.Send(pong)
						heard += len(pong)
						told += len(wire.AppendPing(nil, nonce))
						synctest.Wait()
						require.Equal(t, 30*time.Millisecond, c.Stats().RTT)
					}
					time.Sleep(time.Second)
				}
				synctest.Wait()
				require.Equal(t, tc.pinged, pings > 0)
				require.LessOrEqual(t, pings, 2)
				s := c.Stats()
				require.Equal(t, uint64(told), s.SentBytes-before.SentBytes)
				require.Equal(t, uint64(heard), s.ReceivedBytes-before.ReceivedBytes)
				p.Stream.Close() //nolint:errcheck // it is over
			})
		})
	}
}
