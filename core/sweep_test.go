package core

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// The sweeper looks seldom while handlers are quick, and often again once a handler is slow.
func TestTickFollowsHandlers(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.srv.OnBytes("quick", func(context.Context, *Conn, []byte) error { return nil })
		w.srv.OnBytes("slow", func(context.Context, *Conn, []byte) error {
			time.Sleep(10 * quickTick)
			return nil
		})
		w.serve()
		p := w.hello(&wire.Hello{})
		tick := func() time.Duration {
			synctest.Wait()
			w.srv.eng.sweep.mu.Lock()
			defer w.srv.eng.sweep.mu.Unlock()
			return w.srv.eng.sweep.tick
		}
		require.Equal(t, handlerTick, tick())
		for range 100 {
			p.Send(wire.AppendCommand(nil, "quick", nil))
			time.Sleep(handlerTick)
		}
		require.Equal(t, quickTick, tick())
		p.Send(wire.AppendCommand(nil, "slow", nil))
		time.Sleep(3 * quickTick)
		synctest.Wait()
		require.Equal(t, handlerTick, tick())
		p.Send(wire.AppendPing(nil, 7)) // the reading is taken over
		require.Equal(t, wire.KindPong, p.Want().Kind)
		p.Stream.Close() //nolint:errcheck // it is over
	})
}

// Each side notices by itself that the other has fallen silent, and does not take a living peer for
// silent.
func TestHeartbeat(t *testing.T) {
	opts := &ServerOptions{Timeouts: Timeouts{Heartbeat: 2 * time.Second}}
	inWorld(t, opts, func(w *world) {
		var gone kept[string]
		w.srv.OnLeave(func(c *Conn, why error) { gone.Add(c.Name() + ": " + CodeOf(why).String()) })
		w.serve()
		cl := w.join(w.client("alive"))
		dead := w.hello(&wire.Hello{Name: "dead"})
		start := time.Now()
		require.Equal(t, wire.KindPing, dead.Want().Kind)
		require.GreaterOrEqual(t, time.Since(start), 2*time.Second)
		dead.WantGoodbye(CodeHeartbeat, "nothing heard for")
		require.InDelta(t, 4*time.Second, time.Since(start), float64(time.Second))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"dead: heartbeat missed"}, gone.All())
		require.NoError(t, cl.Err(), "who answers stays")
		require.NoError(t, cl.Close())
	})
}

// A peer whose handler delays its reader by less than a tick is not silent, however short the
// heartbeat is.
func TestHeartbeatShorterThanATick(t *testing.T) {
	tests := map[string]func(w *world, cl *Client) (busy *Conn, send func() error){
		"at a client": func(w *world, cl *Client) (*Conn, func() error) {
			return cl.Conn(), func() error { return w.conn("ada").Send("work", 1) }
		},
		"at a server": func(w *world, cl *Client) (*Conn, func() error) {
			return w.conn("ada"), func() error { return cl.Send("work", 1) }
		},
	}
	for name, side := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Timeouts: Timeouts{Heartbeat: 10 * time.Millisecond, Resume: -1}}, func(w *world) {
				work := func(context.Context, *Conn, int) error {
					time.Sleep(quickTick - 5*time.Millisecond)
					return nil
				}
				On(w.srv, "work", work)
				cl := w.client("ada")
				On(cl, "work", work)
				w.serve()
				w.join(cl)
				busy, send := side(w, cl)
				busy.eng.sweep.tick, busy.eng.sweep.idleTicks = quickTick, 1000 // no handler has been slow for long
				require.NoError(t, send())
				time.Sleep(time.Second)
				synctest.Wait()
				require.NoError(t, cl.Err())
				require.NoError(t, w.conn("ada").Err())
			})
		})
	}
}

func TestHeartbeatOfTheServer(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		// A server by hand that sends nothing after its welcome.
		go func() {
			stream, err := w.lis.Accept()
			if err != nil {
				return
			}
			stream.Write(wire.AppendWelcome(nil, &wire.Welcome{Heartbeat: time.Second})) //nolint:errcheck // the client will find it silent
			for buf := make([]byte, 100); err == nil; {
				_, err = stream.Read(buf)
			}
			stream.Close() //nolint:errcheck // it is over
		}()
		cl := w.client("ada")
		require.NoError(t, cl.Connect(w.ctx))
		<-cl.Done()
		require.Equal(t, CodeHeartbeat.String(), CodeOf(cl.Err()).String())
		require.NoError(t, w.lis.Close())
	})
}

// A peer that stops reading for good is noticed, also if its queue is not full.
func TestWriteTimeout(t *testing.T) {
	opts := &ServerOptions{Timeouts: Timeouts{Write: 4 * time.Second, Heartbeat: -1}, Limits: Limits{QueueBytes: 10 << 20}}
	inWorld(t, opts, func(w *world) {
		why := make(chan error, 1)
		w.srv.OnLeave(func(_ *Conn, err error) { why <- err })
		w.serve()
		stuck := w.hello(&wire.Hello{})
		c := first(w)
		for range 40 {
			require.NoError(t, c.SendBytes("n", make([]byte, 16<<10)))
		}
		start := time.Now()
		require.Equal(t, CodeWriteTimeout.String(), CodeOf(<-why).String())
		require.InDelta(t, 8*time.Second, time.Since(start), float64(2*time.Second))
		stuck.Stream.Close() //nolint:errcheck // it is over
	})
}

// TestFrozenProgramAsks has a server that was frozen. What its peer has sent may not have been delivered yet, so the
// server asks the peer before it ends the connection.
func TestFrozenProgramAsks(t *testing.T) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Heartbeat: 2 * time.Second}}, func(w *world) {
		w.serve()
		p := w.hello(&wire.Hello{})
		time.Sleep(time.Second)
		synctest.Wait()
		w.srv.eng.sweep.sweepAll(10 * time.Second) // its next look, nine seconds later
		require.Equal(t, wire.KindPing, p.Want().Kind)
		synctest.Wait()
		w.srv.eng.sweep.sweepAll(11 * time.Second)
		require.Equal(t, 1, w.srv.Len())
		w.srv.eng.sweep.sweepAll(12 * time.Second)
		p.WantGoodbye(CodeHeartbeat, "nothing heard for")
	})
}
