//go:build !js

package core

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/internal/coretest"
	"github.com/hisock/hisock/core/wire"
)

// shown returns an undelivered frame as text: say 7, written say 7, raw x.
func (u Undelivered) shown() string {
	s := u.Command + " " + string(u.Payload)
	if u.Kind == KindRaw {
		s = "raw " + string(u.Payload)
	}
	if u.Written {
		s = "written " + s
	}
	return s
}

// leftovers records the frames that a server or client hands back.
func leftovers(h interface {
	OnUndelivered(func(c *Conn, frames []Undelivered))
}, also ...*kept[string]) *kept[string] {
	left := &kept[string]{}
	h.OnUndelivered(func(_ *Conn, frames []Undelivered) {
		for _, u := range frames {
			left.Add(u.shown())
		}
		for _, k := range also {
			k.Add(fmt.Sprint("undelivered ", len(frames)))
		}
	})
	return left
}

// Commands and raw messages to a suspended client that does not come back are handed back before
// its leave handler runs, its own and its groups', and nothing else.
func TestUndeliveredToAClientThatStaysAway(t *testing.T) {
	inWorld(t, nil, func(w *world) {
		events := w.events()
		left := leftovers(w.srv, events)
		w.serve()
		var net network
		cl, _ := w.over(&net, ClientOptions{Name: "ada", Groups: []string{"red"}, Retry: Retry{Min: time.Hour, Max: time.Hour}})
		w.join(cl)
		there := w.only()
		require.NoError(t, there.SendBytes("before", nil))
		synctest.Wait()
		time.Sleep(time.Minute) // until the frames are acknowledged
		net.fail(false)
		synctest.Wait()
		require.NoError(t, there.SendBytes("say", []byte("1")))
		require.NoError(t, there.SendRaw([]byte("2")))
		require.NoError(t, w.srv.Group("red").SendBytes("say", []byte("3")))
		require.NoError(t, w.srv.All().SendBytes("long", []byte(strings.Repeat("x", 8<<10))))
		go there.CallBytes(w.ctx, "call", []byte("never")) //nolint:errcheck // it fails
		synctest.Wait()
		require.NoError(t, there.Leave(w.ctx, "red"))
		require.NoError(t, there.SendBytes("say", []byte("4")))
		require.Empty(t, left.All())
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, []string{"say 1", "raw 2", "say 3", "long " + strings.Repeat("x", 8<<10), "say 4"}, left.All())
		require.Equal(t, []string{"join ada", "suspend ada", "undelivered 5", "leave ada: connection lost"}, events.All())
		require.NoError(t, cl.Close())
	})
}

// Frames that a peer has acknowledged are not handed back. Frames that were written are marked.
func TestUndeliveredFramesAreUnacknowledged(t *testing.T) {
	tests := map[string]struct {
		acked uint64
		end   func(w *world, p *coretest.Peer)
		want  []string
	}{
		"none":             {want: []string{"written say 1", "written say 2", "written say 3"}},
		"two":              {acked: 2, want: []string{"written say 3"}},
		"all":              {acked: 3},
		"kicked out":       {acked: 1, end: func(w *world, _ *coretest.Peer) { w.only().endWith(NewError(CodeProtocol, "")) }, want: []string{"written say 2", "written say 3"}},
		"says goodbye":     {acked: 1, end: func(_ *world, p *coretest.Peer) { p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed})) }, want: []string{"written say 2", "written say 3"}},
		"is let go, reads": {acked: 1, end: func(w *world, p *coretest.Peer) { w.only().Close(); p.WantGoodbye(CodeClosed, "") }},
		"is let go, stays": {acked: 1, end: func(w *world, _ *coretest.Peer) { w.only().Close(); time.Sleep(time.Minute) }, want: []string{"written say 2", "written say 3"}},
		"both let go": {acked: 1, end: func(w *world, p *coretest.Peer) {
			w.only().Close()
			p.Send(goodbyeOf(2))
			p.WantGoodbye(CodeClosed, "")
		}, want: []string{"written say 3"}},
		"acks, then stays": {acked: 1, end: func(w *world, p *coretest.Peer) {
			w.only().Close()
			p.Send(wire.AppendAck(nil, 2))
			time.Sleep(time.Minute)
		}, want: []string{"written say 3"}},
		"acks nonsense": {acked: 1, end: func(w *world, p *coretest.Peer) {
			w.only().Close()
			p.Send(wire.AppendAck(nil, 9))
			p.WantGoodbye(CodeClosed, "")
		}, want: nil},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Timeouts: Timeouts{Resume: time.Second}}, func(w *world) {
				left := leftovers(w.srv)
				w.serve()
				p := w.hello(&wire.Hello{Resume: true})
				c := w.only()
				for _, n := range []string{"1", "2", "3"} {
					require.NoError(t, c.SendBytes("say", []byte(n)))
					p.WantCommand("say")
				}
				if tc.acked > 0 {
					p.Send(wire.AppendAck(nil, tc.acked))
					synctest.Wait()
				}
				if tc.end != nil {
					tc.end(w, p)
					synctest.Wait()
				}
				p.Stream.Close() //nolint:errcheck // it is over
				<-c.Done()
				require.Equal(t, tc.want, left.All())
			})
		})
	}
}

// goodbyeOf returns the goodbye of a client that has received that many frames.
func goodbyeOf(received uint64) []byte {
	return wire.AppendGoodbye(wire.AppendAck(nil, received), wire.Goodbye{Code: CodeClosed})
}

// A connection without a session has no acks: the frames that were not written are handed back, and
// a frame whose own write failed.
func TestUndeliveredWithoutSession(t *testing.T) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Write: 5 * time.Second}}, func(w *world) {
		left := leftovers(w.srv)
		w.serve()
		p := w.hello(&wire.Hello{})
		c := w.only()
		require.NoError(t, c.SendBytes("heard", nil))
		p.WantCommand("heard")
		big := strings.Repeat("x", 300<<10) // no write finishes that nobody reads
		require.NoError(t, c.SendBytes("big", []byte(big)))
		synctest.Wait()
		require.NoError(t, c.SendBytes("say", []byte("1")))
		require.NoError(t, c.SendRaw([]byte("2")))
		time.Sleep(time.Minute)
		<-c.Done()
		require.Equal(t, []string{"written big " + big, "say 1", "raw 2"}, left.All())
	})
}

// The frames of a queue that has run full are all handed back.
func TestUndeliveredOfASlowConsumer(t *testing.T) {
	inWorld(t, &ServerOptions{Limits: Limits{QueueBytes: 64 << 10}}, func(w *world) {
		left := leftovers(w.srv)
		w.serve()
		p := w.hello(&wire.Hello{Resume: true})
		c := w.only()
		var sent []string
		for i := range 1000 {
			payload := fmt.Sprintf("%d %s", i, strings.Repeat("x", 1000))
			if c.SendBytes("say", []byte(payload)) != nil {
				break
			}
			sent = append(sent, "say "+payload)
		}
		<-c.Done()
		require.Greater(t, len(sent), 50)
		var got []string
		for _, s := range left.All() {
			got = append(got, strings.TrimPrefix(s, "written "))
		}
		require.Greater(t, len(got), 50, "what was written may have given way to what was not")
		require.Equal(t, sent[len(sent)-len(got):], got)
		p.Stream.Close() //nolint:errcheck // it is over
	})
}

// Nothing is handed back when either side closes in order, however much was sent before.
func TestOrderlyEndLeavesNothing(t *testing.T) {
	const messages = 5000
	tests := map[string]struct {
		retry Retry
		end   func(w *world, cl *Client)
	}{
		"client closes":               {end: func(_ *world, cl *Client) { cl.Close() }}, //nolint:errcheck // nothing to be done about it
		"server closes":               {end: func(w *world, _ *Client) { w.only().Close() }},
		"server shuts down":           {end: func(w *world, _ *Client) { require.NoError(w.t, w.srv.Shutdown(w.ctx)) }}, //nolint:errcheck // nothing to be done about it
		"client without a session":    {retry: Retry{Off: true}, end: func(_ *world, cl *Client) { cl.Close() }},        //nolint:errcheck // nothing to be done about it
		"server's, without a session": {retry: Retry{Off: true}, end: func(w *world, _ *Client) { w.only().Close() }},
		"both":                        {end: func(w *world, cl *Client) { c := w.only(); go cl.Close(); c.Close() }},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			inWorld(t, nil, func(w *world) {
				left, leftHere := leftovers(w.srv), (*kept[string])(nil)
				w.srv.OnBytes("say", func(context.Context, *Conn, []byte) error { return nil })
				w.serve()
				tc.retry.For = time.Millisecond
				cl, _ := w.returning("ada", tc.retry)
				leftHere = leftovers(cl)
				cl.OnBytes("say", func(context.Context, *Conn, []byte) error { return nil })
				w.join(cl)
				there := w.only()
				for range messages {
					require.NoError(t, there.SendBytes("say", []byte("x")))
					require.NoError(t, cl.SendBytes("say", []byte("x")))
				}
				synctest.Wait()
				tc.end(w, cl)
				<-there.Done()
				<-cl.Done()
				require.Empty(t, left.All())
				require.Empty(t, leftHere.All())
			})
		})
	}
}

// A client stores the messages that its server has not acknowledged, and sends them again when it
// has joined anew. No message is missing, and only marked messages may come twice.
func TestStoreAndForward(t *testing.T) {
	inWorld(t, &ServerOptions{Timeouts: Timeouts{Resume: 2 * time.Second, Heartbeat: time.Second}}, func(w *world) {
		var got kept[string]
		w.srv.OnBytes("say", func(_ context.Context, _ *Conn, p []byte) error { got.Add(string(p)); return nil })
		w.serve()
		var net network
		cl, states := w.over(&net, ClientOptions{})
		note := cl.onState
		var mu sync.Mutex
		var store []Undelivered
		cl.OnUndelivered(func(_ *Conn, frames []Undelivered) {
			mu.Lock()
			store = append(store, frames...)
			mu.Unlock()
			states.Add("undelivered")
		})
		cl.onState = func(s State, why error) {
			note(s, why)
			if s != StateConnected {
				return
			}
			mu.Lock()
			again := store
			store = nil
			mu.Unlock()
			for _, u := range again {
				if err := cl.SendBytes(u.Command, u.Payload); err != nil {
					panic(err)
				}
			}
		}
		w.join(cl)
		n := 0
		for range 3 {
			time.Sleep(time.Minute)
			net.fail(false)
			synctest.Wait()
			for range 10 {
				require.NoError(t, cl.SendBytes("say", []byte(fmt.Sprint(n))))
				n++
			}
			time.Sleep(20 * time.Second)
			net.mend()
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		var want []string
		for i := range n {
			want = append(want, fmt.Sprint(i))
		}
		require.Equal(t, want, got.All())
		require.Equal(t, []string{
			"connected", "reconnecting: connection lost", "undelivered", "disconnected: connection lost", "reconnecting: connection lost", "connected",
		}, states.All()[:6])
		require.NoError(t, cl.Close())
	})
}

// Each frame that a send has accepted has been handled or is handed back, in whichever way the
// connection ends. A frame that is handed back as not written has not been handled.
func TestUndeliveredModel(t *testing.T) {
	marked, unmarked := 0, 0
	for seed := range uint64(soak(300, 20_000)) {
		inWorld(t, &ServerOptions{Timeouts: Timeouts{Resume: time.Second}, Limits: Limits{QueueBytes: 256 << 10}}, func(w *world) {
			rng := rand.New(rand.NewPCG(seed, 5))
			var handed []Undelivered
			w.srv.OnUndelivered(func(_ *Conn, frames []Undelivered) { handed = frames })
			w.serve()
			retry := Retry{Off: rng.IntN(3) == 0, For: time.Nanosecond} // no attempt is that quick
			var net network
			cl, _ := w.over(&net, ClientOptions{Retry: retry, InboxBytes: 4 << 10})
			var got kept[string]
			slow := time.Duration(rng.IntN(3)) * 5 * time.Millisecond
			cl.OnBytes("say", func(_ context.Context, _ *Conn, p []byte) error {
				got.Add(string(p[:5]))
				time.Sleep(slow)
				return nil
			})
			w.join(cl)
			c := w.only()
			var sent []string
			for i := range rng.IntN(200) {
				id := fmt.Sprintf("%05d", i)
				if c.SendBytes("say", []byte(id+strings.Repeat("x", rng.IntN(600)))) != nil {
					break
				}
				sent = append(sent, id)
				if rng.IntN(10) == 0 {
					time.Sleep(time.Duration(rng.IntN(20)) * time.Millisecond)
				}
			}
			switch rng.IntN(4) {
			case 0:
				c.Close()
			case 1:
				net.fail(false)
			case 2:
				c.endWith(NewError(CodeProtocol, ""))
			case 3:
				c.breakOff()
			}
			<-c.Done()
			time.Sleep(time.Minute) // until all that came has been handled
			synctest.Wait()
			handled := map[string]bool{}
			for _, id := range got.All() {
				handled[id] = true
			}
			back := map[string]bool{}
			last := ""
			for _, u := range handed {
				id := string(u.Payload[:5])
				require.Greater(t, id, last, "seed %d: in order", seed)
				last = id
				back[id] = true
				if u.Written {
					marked++
				} else {
					unmarked++
					require.False(t, handled[id], "seed %d: %s was not written and handled", seed, id)
				}
			}
			for _, id := range sent {
				require.True(t, handled[id] || back[id] || retry.Off, "seed %d: %s of %d is nowhere, %d handed back", seed, id, len(sent), len(handed))
			}
			require.NoError(t, cl.Close())
		})
		if t.Failed() {
			return
		}
	}
	t.Logf("%d handed back as written, %d as not written", marked, unmarked)
	require.NotZero(t, marked)
	require.NotZero(t, unmarked)
}

// An OnUndelivered handler that fails does not disturb the end.
func TestUndeliveredHandlerFails(t *testing.T) {
	for name, fail := range map[string]func(){"panic": func() { panic("x") }, "goexit": runtime.Goexit} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, &ServerOptions{Timeouts: Timeouts{Resume: time.Second}}, func(w *world) {
				events := w.events()
				w.srv.OnUndelivered(func(*Conn, []Undelivered) { fail() })
				w.serve()
				p := w.hello(&wire.Hello{Resume: true})
				c := w.only()
				require.NoError(t, c.SendBytes("say", nil))
				p.WantCommand("say")
				p.Stream.Close() //nolint:errcheck // it is over
				<-c.Done()
				require.Equal(t, []string{"join ", "suspend ", "leave : connection lost"}, events.All())
			})
		})
	}
}
