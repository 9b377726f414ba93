//go:build !js

package core

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
	"github.com/hisock/hisock/transport"
)

// Sixty clients lose their network for a shorter time than a session lasts. All of them resume, and
// wait little once the network is back.
func TestOutageIsResumed(t *testing.T) {
	tests := map[string]struct {
		outage time.Duration
		hangs  bool
		median time.Duration // upper bounds of the wait once the network is back
		most   time.Duration
	}{
		"3 s":                     {outage: 3 * time.Second, median: 1100 * time.Millisecond, most: 2 * time.Second},
		"22 s":                    {outage: 22 * time.Second, median: 1100 * time.Millisecond, most: 2 * time.Second},
		"27 s":                    {outage: 27 * time.Second, median: 1500 * time.Millisecond, most: 2 * time.Second},
		"22 s, and dialing hangs": {outage: 22 * time.Second, hangs: true, median: 5 * time.Second, most: 7 * time.Second},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			const fleet = 60
			inWorld(t, nil, func(w *world) {
				w.serve()
				var net network
				var clients []*Client
				var waits kept[time.Duration]
				var mended time.Time
				for range fleet {
					cl, _ := w.over(&net, ClientOptions{})
					cl.onState = func(s State, _ error) {
						if s == StateResumed {
							waits.Add(time.Since(mended))
						}
					}
					w.join(cl)
					clients = append(clients, cl)
				}
				time.Sleep(time.Minute)
				net.fail(tc.hangs)
				time.Sleep(tc.outage)
				mended = time.Now()
				net.mend()
				time.Sleep(time.Minute)
				synctest.Wait()
				require.EqualValues(t, fleet, w.srv.Stats().Resumed)
				all := waits.All()
				slices.Sort(all)
				t.Logf("waited a further %v in the median, %v at most; %.1f dials a client", all[fleet/2], all[fleet-1], float64(net.dialed())/fleet-1)
				require.LessOrEqual(t, all[fleet/2], tc.median)
				require.LessOrEqual(t, all[fleet-1], tc.most)
				for _, cl := range clients {
					require.NoError(t, cl.Close())
				}
			})
		})
	}
}

// A server that welcomes clients and cuts them is dialed no more often than a server that refuses
// them, whether it cuts resumed sessions or new ones.
func TestWelcomedAndCut(t *testing.T) {
	tests := map[string]struct {
		resumes bool
		bye     bool
	}{
		"new sessions, cut":     {},
		"sessions resumed, cut": {resumes: true},
		"no sessions, sent off": {bye: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lis := transport.NewPipeListener()
				go cutter(lis, tc.resumes, tc.bye)
				net := &network{Dialer: lis}
				cl := newTestClient(net, &ClientOptions{})
				require.NoError(t, cl.Connect(t.Context()))
				time.Sleep(4 * time.Second)
				synctest.Wait()
				dialed := net.dialed()
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				t.Logf("%d dials in 4 s, %d in 10 min", dialed, net.dialed())
				require.LessOrEqual(t, dialed, 9)
				require.LessOrEqual(t, net.dialed(), 80)
				require.NoError(t, cl.Close())
				lis.Close() //nolint:errcheck // it is over
				<-cl.Done()
			})
		})
	}
}

// cutter welcomes each client and cuts its stream.
func cutter(lis *transport.PipeListener, resumes, bye bool) {
	for {
		stream, err := lis.Accept()
		if err != nil {
			return
		}
		p := coretest.Peer{Stream: stream}
		if hello, err := p.ReadHello(); err == nil {
			w := &wire.Welcome{Session: make([]byte, 8), Token: []byte("token"), ResumeTime: 30 * time.Second, Heartbeat: 15 * time.Second}
			w.Resumed = resumes && len(hello.Token) > 0
			out := wire.AppendWelcome(nil, w)
			if bye {
				w.Token = nil
				out = wire.AppendGoodbye(wire.AppendWelcome(nil, w), wire.Goodbye{Code: CodeShutdown})
			}
			p.Tell(out)
		}
		stream.Close() //nolint:errcheck // that is what it does
	}
}

// A connection that lasts resets the wait: the next break is mended at once.
func TestLastingConnectionForgetsTheWait(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		var net network
		cl, _ := w.over(&net, ClientOptions{})
		w.join(cl)
		for range 5 {
			time.Sleep(time.Minute)
			net.fail(false)
			time.Sleep(10 * time.Second)
			net.mend()
			time.Sleep(time.Minute)
			synctest.Wait()
			resumed := cl.Stats().Resumed
			net.fail(false)
			net.mend()
			time.Sleep(500 * time.Millisecond)
			synctest.Wait()
			require.Equal(t, resumed+1, cl.Stats().Resumed)
		}
		require.NoError(t, cl.Close())
	})
}

// If an outage outlives every session, the client's connection ends before the network is back.
// Calls fail, and messages are refused instead of being lost.
func TestSessionIsOverBeforeTheNetworkIsBack(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		Handle(w.srv, "wait", func(ctx context.Context, _ *Conn, _ int) (int, error) { <-ctx.Done(); return 0, ctx.Err() })
		w.serve()
		var net network
		cl, states := w.over(&net, ClientOptions{Name: "ada"})
		w.join(cl)
		called := make(chan error, 1)
		go func() { _, err := Call[int](w.ctx, cl, "wait", 1); called <- err }()
		synctest.Wait()
		start := time.Now()
		net.fail(false)
		require.Equal(t, CodeConnLost, CodeOf(<-called))
		require.Greater(t, time.Since(start), 75*time.Second, "the server may notice as late as that, and keep the session")
		require.Less(t, time.Since(start), 110*time.Second)
		require.Equal(t, CodeConnLost, CodeOf(cl.Send("x", 1)))
		net.mend()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{
			"connected", "reconnecting: connection lost", "disconnected: connection lost", "reconnecting: connection lost", "connected",
		}, states.All())
		require.NoError(t, cl.Send("x", 1))
		require.NoError(t, cl.Close())
	})
}

// Retry.For bounds the whole time away, also beyond the end of the session.
func TestForBoundsTheWholeTimeAway(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		var net network
		cl, _ := w.over(&net, ClientOptions{Retry: Retry{For: 3 * time.Minute}})
		w.join(cl)
		start := time.Now()
		net.fail(false)
		<-cl.Done()
		require.LessOrEqual(t, time.Since(start), 3*time.Minute)
		require.Greater(t, time.Since(start), 150*time.Second)
		require.Equal(t, CodeNotConnected, CodeOf(cl.Err()))
	})
}

// A Connect with Retry.First tries again until the server is there, and tells the program of each
// attempt.
func TestFirstConnectIsTriedAgain(t *testing.T) {
	for _, manual := range []bool{false, true} {
		t.Run(fmt.Sprintf("manual %v", manual), func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				var net network
				cl, states := w.over(&net, ClientOptions{Retry: Retry{First: true}, Manual: manual})
				net.fail(false)
				connected := make(chan error, 1)
				go func() { connected <- cl.Connect(w.ctx) }()
				time.Sleep(30 * time.Second)
				synctest.Wait()
				dialed := net.dialed()
				require.Greater(t, dialed, 3)
				require.Less(t, dialed, 20)
				w.serve()
				net.mend()
				require.NoError(t, <-connected)
				synctest.Wait()
				if manual {
					cl.Update(0)
				}
				want := []string{"connecting"}
				for range net.dialed() - 1 {
					want = append(want, "connecting: not connected")
				}
				require.Equal(t, append(want, "connected"), states.All())
				require.NoError(t, cl.Close())
				synctest.Wait()
				if manual {
					cl.Update(0)
				}
				<-cl.Done()
			})
		})
	}
}

// A Connect that tries again ends for each of these reasons.
func TestFirstConnectEnds(t *testing.T) {
	tests := map[string]struct {
		retry  Retry
		server func(w *world) // nil: there is no network
		end    func(cl *Client, cancel func())
		want   Code
		after  time.Duration
	}{
		"final error": {
			server: func(w *world) {
				w.srv.opts.Access.Authorize = func(context.Context, *Admission) error { return NewError(CodeUnauthorized, "") }
			},
			want: CodeUnauthorized,
		},
		"For":     {retry: Retry{For: time.Minute}, want: CodeNotConnected, after: time.Minute},
		"Close":   {end: func(cl *Client, _ func()) { time.Sleep(time.Minute); cl.Close() }, want: CodeClosed, after: time.Minute}, //nolint:errcheck // nothing to be done about it
		"context": {end: func(_ *Client, cancel func()) { time.Sleep(time.Minute); cancel() }, want: CodeCanceled, after: time.Minute},
		"Off":     {retry: Retry{Off: true, For: time.Minute}, want: CodeNotConnected, after: time.Minute},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				var net network
				tc.retry.First = true
				cl, states := w.over(&net, ClientOptions{Retry: tc.retry})
				if tc.server != nil {
					tc.server(w)
					w.serve()
				} else {
					net.fail(false)
				}
				ctx, cancel := context.WithCancel(w.ctx)
				defer cancel()
				if tc.end != nil {
					go tc.end(cl, cancel)
				}
				start := time.Now()
				err := cl.Connect(ctx)
				require.Equal(t, tc.want.String(), CodeOf(err).String())
				require.LessOrEqual(t, time.Since(start), tc.after)
				require.GreaterOrEqual(t, time.Since(start), tc.after-20*time.Second)
				synctest.Wait()
				all := states.All()
				require.Equal(t, "connecting", all[0])
				require.Equal(t, "disconnected: "+tc.want.String(), all[len(all)-1])
			})
		})
	}
}

// A Connect without Retry.First tries once, and tells the program of no state.
func TestFirstConnectIsTriedOnce(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		var net network
		cl, states := w.over(&net, ClientOptions{})
		net.fail(false)
		require.ErrorIs(t, cl.Connect(w.ctx), errNoNetwork)
		require.Equal(t, 1, net.dialed())
		require.Empty(t, states.All())
	})
}

// A program that connects again in its state handler hears of all states in order.
func TestConnectAgainInStateHandler(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		w.serve()
		var net network
		cl, states := w.over(&net, ClientOptions{Retry: Retry{First: true}})
		first := true
		note := cl.onState
		again := make(chan error, 1)
		cl.onState = func(s State, why error) {
			note(s, why)
			if s == StateDisconnected && first {
				first = false
				again <- cl.Connect(w.ctx)
			}
		}
		w.join(cl)
		w.only().CloseWith(NewError(CodeUnauthorized, ""))
		require.NoError(t, <-again)
		synctest.Wait()
		require.Equal(t, []string{"connecting", "connected", "disconnected: unauthorized", "connecting", "connected"}, states.All())
		require.NoError(t, cl.Close())
	})
}

// A client comes back, and ends, even if a state handler ends its own goroutine.
func TestStateHandlerThatEndsItsGoroutine(t *testing.T) {
	for _, at := range []State{StateReconnecting, StateDisconnected} {
		t.Run(at.String(), func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				w.serve()
				cl := newTestClient(w.lis, &ClientOptions{Name: "ada", Codec: testCodec{}})
				w.clients = append(w.clients, cl)
				var states kept[State]
				cl.OnState(func(s State, _ error) {
					states.Add(s)
					if s == at {
						runtime.Goexit()
					}
				})
				w.join(cl)
				cl.Conn().breakOff()
				time.Sleep(time.Minute)
				synctest.Wait()
				require.NotEqual(t, at, states.All()[len(states.All())-1], "it has come back")
				require.NoError(t, cl.Close())
				<-cl.Done()
			})
		})
	}
}
