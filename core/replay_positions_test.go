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
)

// A client that joins a group again, at its own request or by the server's program, gets no message
// twice.
func TestPositionsOfGroupsThatWereLeft(t *testing.T) {
	inReplayWorld(t, func(w *world) {
		w.serve()
		var net network
		cl, got := w.follower(&net, "ada", "red", "blue")
		w.join(cl)
		got.Wants(t, "+blue 0", "=blue", "+red 0", "=red")
		w.say("red", "1", "2")
		w.say("blue", "b1")
		got.Wants(t, "new 1", "new 2", "new b1")
		require.NoError(t, cl.Leave(w.ctx, "red"))
		require.NoError(t, cl.Leave(w.ctx, "blue"))
		w.away(&net, func() { w.say("red", "3"); w.say("blue", "b2") })
		require.Empty(t, cl.Groups())
		require.NoError(t, cl.Join(w.ctx, "red"))
		got.Wants(t, "+red 1", "old 3", "=red")
		require.NoError(t, w.only().Join(w.ctx, "blue"))
		got.Wants(t, "+blue 1", "old b2", "=blue")
		require.NoError(t, cl.Close())
	})
}

// A server that takes only short hellos is told no positions. Its client gets no message twice all
// the same.
func TestPositionsThatAreTooLong(t *testing.T) {
	opts := *replayed
	opts.Limits.MaxHello = 80
	inWorld(t, &opts, func(w *world) {
		w.serve()
		var net network
		group := strings.Repeat("red", 10)
		cl, got := w.follower(&net, "ada", group)
		w.join(cl)
		w.say(group, "1", "2")
		got.Wants(t, "+"+group+" 0", "="+group, "new 1", "new 2")
		w.away(&net, func() { w.say(group, "3") })
		got.Wants(t, "+"+group+" 1", "old 3", "="+group)
		cl.Close()
		<-cl.Done()
		w.say(group, "4")
		w.join(cl)
		got.Wants(t, "+"+group+" 1", "old 4", "="+group)
		cl.Close()
	})
}

// A message that left a client out is not replayed to the client when it joins anew.
func TestExceptedMessagesHavePassed(t *testing.T) {
	inReplayWorld(t, func(w *world) {
		w.serve()
		var net network
		cl, got := w.follower(&net, "ada", "red")
		w.join(cl)
		got.Wants(t, "+red 0", "=red")
		w.say("red", "1")
		require.NoError(t, w.srv.Group("red").Send("say", "2", Except(w.only())))
		require.NoError(t, w.srv.Group("red").SendRaw([]byte("3"), Except(w.only())))
		got.Wants(t, "new 1")
		w.away(&net, func() { w.say("red", "4") })
		got.Wants(t, "+red 1", "old 4", "=red")
		require.NoError(t, cl.Close())
	})
}

// A message that Recv or RecvRaw has received counts as handled: it is not replayed.
func TestReceivedMessagesHavePassed(t *testing.T) {
	inReplayWorld(t, func(w *world) {
		w.serve()
		var net network
		cl, _ := w.over(&net, ClientOptions{Name: "ada", Groups: []string{"red"}})
		var got kept[string]
		cl.OnReplay(func(_ *Conn, r Replay) { got.Add(fmt.Sprint(r.Messages, r.Missed, r.Lost)) })
		w.join(cl)
		heard := make(chan []byte, 1)
		go func() {
			payload, err := cl.Recv(w.ctx, "say")
			if err != nil {
				t.Error(err)
			}
			heard <- payload
		}()
		synctest.Wait()
		w.say("red", "1")
		require.Equal(t, "1", string(<-heard))
		require.NoError(t, w.srv.Group("red").SendRaw([]byte("2")))
		raw, err := cl.RecvRaw(w.ctx)
		require.NoError(t, err)
		require.Equal(t, "2", string(raw))
		w.away(&net, func() { require.NoError(t, w.srv.Group("red").SendRaw([]byte("3"))) })
		raw, err = cl.RecvRaw(w.ctx)
		require.NoError(t, err)
		require.Equal(t, "3", string(raw))
		got.Wants(t, "0 0 false", "1 0 false")
		require.NoError(t, cl.Close())
	})
}

// Messages that were read but not handled when a client ended come again. Messages that wait for a
// slow handler are handled in their order.
func TestPositionsOfHandledMessages(t *testing.T) {
	inReplayWorld(t, func(w *world) {
		w.serve()
		var net network
		var got kept[string]
		cl, _ := w.over(&net, ClientOptions{Name: "ada", Groups: []string{"red"}, Retry: Retry{Off: true}})
		hold := make(chan struct{})
		On(cl, "say", func(ctx context.Context, _ *Conn, s string) error {
			got.Add(fmt.Sprint(s, Replayed(ctx)))
			if s == "1" {
				<-hold
			}
			return nil
		})
		cl.OnReplayed(func(_ *Conn, r Replay) { got.Add("=" + r.Group) })
		w.join(cl)
		w.say("red", "1", "2")
		time.Sleep(time.Minute) // another goroutine reads by now
		w.say("red", "3")
		synctest.Wait()
		go cl.Close() //nolint:errcheck // undelivered messages are no matter here
		synctest.Wait()
		close(hold)
		<-cl.Done()
		got.Wants(t, "=red", "1false")
		w.join(cl)
		got.Wants(t, "2true", "3true", "=red")
		require.NoError(t, cl.Close())
	})
}

// Without Replay nothing is replayed by itself, and positions change nothing.
func TestPositionsWithoutReplay(t *testing.T) {
	inWorld(t, &ServerOptions{History: History{Messages: 3}, Timeouts: Timeouts{Resume: time.Minute}}, func(w *world) {
		w.serve()
		var net network
		cl, got := w.follower(&net, "ada", "red")
		w.join(cl)
		w.say("red", "1", "2")
		got.Wants(t, "new 1", "new 2")
		require.NoError(t, w.srv.Group("red").Replay(w.only(), 1))
		got.Wants(t, "+red 1", "old 2", "=red")
		w.say("red", "3")
		got.Wants(t, "new 3")
		w.away(&net, func() { w.say("red", "4") })
		got.Wants(t)
		w.say("red", "5")
		require.NoError(t, w.srv.Group("red").Replay(w.only(), 0))
		got.Wants(t, "new 5", "+red 3", "old 3", "old 4", "old 5", "=red")
		require.NoError(t, cl.Close())
	})
}

// The session of a detached client has its positions.
func TestPositionsAreDetached(t *testing.T) {
	for name, over := range map[string]bool{"resumed": false, "session over": true} {
		t.Run(name, func(t *testing.T) {
			inReplayWorld(t, func(w *world) {
				w.serve()
				w.say("red", "0")
				var got kept[string]
				r := w.restarting(ClientOptions{Name: "ada", Groups: []string{"red"}}, func(cl *Client) { follows(cl, &got) })
				got.Wants(t, "+red 1", "old 0", "=red")
				w.say("red", "1", "2")
				got.Wants(t, "new 1", "new 2")
				session, err := r.cl.Detach()
				require.NoError(t, err)
				w.say("red", "3")
				if over {
					time.Sleep(2 * time.Minute)
				}
				r.start(session)
				if over {
					got.Wants(t, "+red 1", "old 3", "=red")
				} else {
					got.Wants(t, "new 3")
					require.NoError(t, w.srv.Group("red").Replay(w.only(), 1))
					got.Wants(t, "+red 1", "old 3", "=red")
				}
				require.NoError(t, r.cl.Close())
			})
		})
	}
}
