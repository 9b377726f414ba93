//go:build !js

package core

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core/wire"
)

// follows makes a client record the messages of its groups and what it is told of replays:
//
//	+red 2          2 messages come
//	+red 2 -5       and 5 were missed
//	+red 2 -?       and nobody knows how many
//	old one         a message that is replayed
//	new two         one that is not
//	=red            that is all
func follows(cl *Client, got *kept[string]) {
	age := func(ctx context.Context) string {
		if Replayed(ctx) {
			return "old "
		}
		return "new "
	}
	cl.OnMessage(func(ctx context.Context, _ *Conn, f Frame) error {
		got.Add(age(ctx) + string(f.Payload))
		return nil
	})
	cl.OnReplay(func(_ *Conn, r Replay) {
		line := fmt.Sprintf("+%s %d", r.Group, r.Messages)
		if r.Lost {
			line += " -?"
		} else if r.Missed > 0 {
			line += fmt.Sprint(" -", r.Missed)
		}
		got.Add(line)
	})
	cl.OnReplayed(func(_ *Conn, r Replay) { got.Add("=" + r.Group) })
}

// follower returns a client that comes back by itself through a network of its own.
func (w *world) follower(net *network, name string, groups ...string) (*Client, *kept[string]) {
	var got kept[string]
	cl, _ := w.over(net, ClientOptions{Name: name, Groups: groups})
	follows(cl, &got)
	return cl, &got
}

// away cuts a client off until its session is over, calls meanwhile, and lets the client join anew.
func (w *world) away(net *network, meanwhile func()) {
	net.fail(false)
	time.Sleep(2 * time.Minute)
	synctest.Wait()
	require.Zero(w.t, w.srv.Len(), "the session is over")
	meanwhile()
	net.mend()
	time.Sleep(2 * time.Minute)
	synctest.Wait()
}

var replayed = &ServerOptions{History: History{Messages: 3, Replay: true}, Timeouts: Timeouts{Resume: time.Minute}}

// inReplayWorld is inWorld with a server that gives newcomers the last three messages of a group.
func inReplayWorld(t *testing.T, f func(w *world)) {
	opts := *replayed
	inWorld(t, &opts, f)
}

// Handlers of every form are told whether a message is replayed, and how many were missed.
func TestReplayIsTold(t *testing.T) {
	inReplayWorld(t, func(w *world) {
		w.serve()
		w.say("red", "one", "two", "three", "four")
		require.NoError(t, w.srv.Group("red").Send("say", "typing", Transient()))

		var net network
		var got kept[string]
		cl, _ := w.over(&net, ClientOptions{Name: "ada", Groups: []string{"red"}})
		note := func(ctx context.Context, what string) {
			require.False(t, Replayed(context.WithoutCancel(context.Background())))
			derived, cancel := context.WithCancel(ctx)
			defer cancel()
			require.Equal(t, Replayed(ctx), Replayed(derived))
			got.Add(fmt.Sprint(what, " ", Replayed(ctx)))
		}
		On(cl, "say", func(ctx context.Context, c *Conn, s string) error {
			require.Same(t, c, handlerConn(ctx))
			note(ctx, "typed "+s)
			return nil
		})
		cl.OnBytes("bytes", func(ctx context.Context, _ *Conn, b []byte) error { note(ctx, "bytes "+string(b)); return nil })
		cl.OnAny(func(ctx context.Context, _ *Conn, f Frame) error { note(ctx, "any "+f.Command); return nil })
		cl.Use(func(next Handler) Handler {
			return func(ctx context.Context, c *Conn, f Frame) ([]byte, error) {
				note(ctx, "middleware")
				return next(ctx, c, f)
			}
		})
		cl.OnReplay(func(c *Conn, r Replay) {
			require.Equal(t, cl.Conn(), c)
			got.Add(fmt.Sprintf("%+v", r))
		})
		cl.OnReplayed(func(_ *Conn, r Replay) { got.Add("end of " + r.Group) })
		w.join(cl)
		got.Wants(t, "{Group:red Messages:3 Missed:0 Lost:false}", "middleware true", "typed two true", "middleware true",
			"typed three true", "middleware true", "typed four true", "end of red")
		w.say("red", "five")
		got.Wants(t, "middleware false", "typed five false")
		require.NoError(t, w.srv.Group("red").SendBytes("bytes", []byte("six")))
		require.NoError(t, w.srv.Group("red").SendBytes("other", []byte("seven")))
		require.NoError(t, cl.Leave(w.ctx, "red"))
		got.Wants(t, "middleware false", "bytes six false", "middleware false", "any other false")
		require.NoError(t, cl.Join(w.ctx, "red"))
		got.Wants(t, "{Group:red Messages:0 Missed:0 Lost:false}", "end of red")
		require.NoError(t, w.srv.Group("red").Replay(w.only(), 2))
		got.Wants(t, "{Group:red Messages:2 Missed:0 Lost:false}", "middleware true", "bytes six true", "middleware true", "any other true", "end of red")
		require.NoError(t, cl.Join(w.ctx, "empty"))
		got.Wants(t, "{Group:empty Messages:0 Missed:0 Lost:false}", "end of empty")
		require.NoError(t, cl.Close())
	})
}

// A client that joins anew gets each message once, and is told how many it has missed.
func TestJoiningAnewGivesNothingTwice(t *testing.T) {
	inReplayWorld(t, func(w *world) {
		w.serve()
		var net network
		cl, got := w.follower(&net, "ada", "red")
		w.join(cl)
		got.Wants(t, "+red 0", "=red")
		w.say("red", "1", "2")
		require.NoError(t, cl.Join(w.ctx, "blue"))
		got.Wants(t, "new 1", "new 2", "+blue 0", "=blue")

		w.away(&net, func() {})
		got.Wants(t, "+blue 0", "=blue", "+red 0", "=red")
		w.away(&net, func() { w.say("red", "3", "4"); w.say("blue", "b1") })
		got.Wants(t, "+blue 1", "old b1", "=blue", "+red 2", "old 3", "old 4", "=red")
		w.away(&net, func() { w.say("red", "5", "6", "7", "8", "9") })
		got.Wants(t, "+blue 0", "=blue", "+red 3 -2", "old 7", "old 8", "old 9", "=red")
		w.away(&net, func() { w.say("red", "10"); w.srv.Group("red").Forget(); w.say("red", "11") })
		got.Wants(t, "+blue 0", "=blue", "+red 1 -?", "old 11", "=red")

		// After a resume nothing is replayed.
		net.fail(false)
		time.Sleep(time.Second)
		w.say("red", "12")
		net.mend()
		time.Sleep(10 * time.Second)
		got.Wants(t, "new 12")

		// The client ends and connects again.
		require.NoError(t, cl.Close())
		<-cl.Done()
		w.say("red", "13")
		w.join(cl)
		got.Wants(t, "+red 1", "old 13", "=red")
		require.NoError(t, cl.Join(w.ctx, "blue"))
		got.Wants(t, "+blue 0", "=blue")
		require.NoError(t, cl.Close())
	})
}

// A group that was forgotten while it had members goes on with its numbers.
func TestForgettingIsAGap(t *testing.T) {
	inReplayWorld(t, func(w *world) {
		w.serve()
		w.join(w.client("anchor", "red"))
		var net network
		cl, got := w.follower(&net, "ada", "red")
		w.join(cl)
		w.say("red", "1")
		got.Wants(t, "+red 0", "=red", "new 1")
		net.fail(false)
		time.Sleep(2 * time.Minute)
		w.say("red", "2", "3")
		w.srv.Group("red").Forget()
		w.say("red", "4")
		net.mend()
		time.Sleep(2 * time.Minute)
		got.Wants(t, "+red 1 -2", "old 4", "=red")
		require.NoError(t, cl.Close())
		require.NoError(t, w.clients[0].Close())
	})
}

// A client keeps its positions when another server has taken over, which has other numbers.
func TestAnotherServerIsAGap(t *testing.T) {
	inReplayWorld(t, func(w *world) {
		w.serve()
		var net network
		cl, got := w.follower(&net, "ada", "red")
		w.join(cl)
		w.say("red", "1", "2", "3", "4")
		got.Wants(t, "+red 0", "=red", "new 1", "new 2", "new 3", "new 4")
		net.fail(false)
		time.Sleep(time.Minute)

		opts := *replayed
		second := newWorld(w.t, &opts)
		defer second.cut()
		second.serve()
		second.say("red", "one")
		net.Dialer = second.lis
		net.mend()
		time.Sleep(2 * time.Minute)
		got.Wants(t, "+red 1 -?", "old one", "=red")
		second.say("red", "two")
		got.Wants(t, "new two")
		require.NoError(t, cl.Close())
		require.NoError(t, second.srv.Shutdown(w.ctx))
	})
}

// Concurrent handlers see whether a message is replayed, also beside a slow handler.
func TestReplayedBesideASlowHandler(t *testing.T) {
	inReplayWorld(t, func(w *world) {
		w.serve()
		var got kept[string]
		cl := w.client("ada", "red")
		hold := make(chan struct{})
		On(cl, "wait", func(context.Context, *Conn, struct{}) error { <-hold; return nil })
		On(cl, "say", func(ctx context.Context, _ *Conn, s string) error {
			got.Add(fmt.Sprint(s, Replayed(ctx)))
			return nil
		}, Concurrent())
		w.say("blue", "old")
		w.join(cl)
		require.NoError(t, w.conn("ada").Send("wait", nil))
		time.Sleep(time.Minute)
		w.say("red", "1")
		got.Wants(t, "1false")
		require.NoError(t, w.conn("ada").Join(w.ctx, "blue"))
		w.say("blue", "new")
		got.Wants(t) // the client does not know yet whether they are replayed
		close(hold)
		synctest.Wait()
		require.ElementsMatch(t, []string{"oldtrue", "newfalse"}, got.All())
		require.NoError(t, cl.Close())
	})
}

// A client that misses a message because its queue is full hears of it by OnMissed. Its position
// goes on with the next message.
func TestDroppedMessagesAreNotReplayed(t *testing.T) {
	const sent = 100 // more than the stream and the queue hold together
	opts := *replayed
	opts.History.Messages = sent
	opts.Limits.QueueBytes = 4 << 10
	opts.Overflow = OverflowDropNewest
	inWorld(t, &opts, func(w *world) {
		w.serve()
		p := w.hello(&wire.Hello{Name: "ada", Groups: []string{"red"}})
		require.Equal(t, wire.KindReplay, p.Want().Kind)
		for range sent {
			require.NoError(t, w.srv.Group("red").SendRaw(make([]byte, 1000)))
		}
		synctest.Wait()
		var last, had, missed uint64
		for had+missed < sent {
			switch f := p.Want(); f.Kind {
			case wire.KindGroupRaw:
				_, n, _, err := wire.ParseGroup(f.Kind, f.Body)
				require.NoError(t, err)
				require.Greater(t, n, last)
				had, last = had+1, n
			case wire.KindMissed:
				var err error
				missed, err = wire.ParseMissed(f.Body)
				require.NoError(t, err)
			}
		}
		require.NotZero(t, missed)
		require.NoError(t, w.srv.Group("red").SendRaw([]byte("last")))
		require.Equal(t, wire.AppendGroupRaw(nil, "red", sent+1, []byte("last"))[2:], p.Want().Body)
		p.Send(wire.AppendGoodbye(nil, wire.Goodbye{Code: CodeClosed}))
		p.WantEnd()
	})
}

// A session is detached in the middle of a replay, with messages that were not handled. The next program goes
// on there, or has the rest replayed if the session is over.
func TestReplayIsDetachedInTheMiddle(t *testing.T) {
	for name, over := range map[string]bool{"resumed": false, "session over": true} {
		t.Run(name, func(t *testing.T) {
			inReplayWorld(t, func(w *world) {
				w.serve()
				w.say("red", "1", "2", "3")
				var got kept[string]
				hold, holds := make(chan struct{}), true
				r := w.restarting(ClientOptions{Name: "ada"}, func(cl *Client) {
					follows(cl, &got)
					cl.OnReplay(func(_ *Conn, r Replay) {
						got.Add(fmt.Sprint("+", r.Messages, " -", r.Missed, r.Lost))
						if holds {
							<-hold
						}
					})
				})
				require.NoError(t, w.only().Join(w.ctx, "red"))
				time.Sleep(time.Minute)
				w.say("red", "4")
				got.Wants(t, "+3 -0 false")
				session, err := r.cl.Detach()
				require.NoError(t, err)
				holds = false
				close(hold)
				if over {
					time.Sleep(2 * time.Minute)
				}
				r.start(session)
				if over {
					require.NoError(t, w.only().Join(w.ctx, "red"))
					got.Wants(t, "+3 -1 false", "old 2", "old 3", "old 4", "=red")
				} else {
					got.Wants(t, "old 1", "old 2", "old 3", "=red", "new 4")
				}
				require.NoError(t, r.cl.Close())
			})
		})
	}
}

// A client gets each message of a group once and in order over a network that fails at any time, whether
// its session goes on or ends. It misses no message that is kept.
func TestEachMessageOnceOverFailingNetworks(t *testing.T) {
	opts := &ServerOptions{History: History{Messages: 100_000, Bytes: 64 << 20, Replay: true}, Timeouts: Timeouts{Resume: 3 * time.Second}, Limits: Limits{QueueBytes: 1 << 20}}
	inWorld(t, opts, func(w *world) {
		w.serve()
		const clients, each = 6, 400
		var nets [clients]network
		var got [clients]*kept[string]
		for i := range clients {
			_, got[i] = w.follower(&nets[i], fmt.Sprint("client ", i), "red", "blue")
			w.join(w.clients[i])
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := range each {
				w.say("red", fmt.Sprint("r:", i))
				w.say("blue", fmt.Sprint("b:", i))
				time.Sleep(time.Duration(i*7919%300) * time.Millisecond)
			}
		}()
		for i := 0; ; i++ {
			select {
			case <-done:
			default:
				net := &nets[i%clients]
				net.fail(false)
				time.Sleep(time.Duration(i*3571%6000) * time.Millisecond)
				net.mend()
				continue
			}
			break
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		anew := 0
		for i := range clients {
			next := map[string]int{}
			for _, line := range got[i].All() {
				require.NotContains(t, line, "-", "nothing is missed")
				row, n, ok := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(line, "old "), "new "), ":")
				if !ok {
					anew++
					continue
				}
				require.Equal(t, fmt.Sprint(next[row]), n, "of %s at client %d", row, i)
				next[row]++
			}
			require.Equal(t, map[string]int{"r": each, "b": each}, next)
			require.NoError(t, w.clients[i].Close())
		}
		require.Greater(t, anew, 4*clients+20, "some had to join anew")
	})
}
