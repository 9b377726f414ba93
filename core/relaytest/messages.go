package relaytest

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

var messageCases = []relayCase{
	{"a message goes to subscribers and nobody else", func(s *scene) {
		n := s.join(4)
		n[1].subscribe("t", "other")
		n[2].subscribe("t")
		n[3].subscribe("other")
		s.settle(n...)
		n[0].publish("t", "hello")
		n[1].until("it arrives", func() bool { return n[1].has("t", []byte("hello")) })
		n[2].until("it arrives", func() bool { return n[2].has("t", []byte("hello")) })
		s.settle(n...) // what was to come has come
		for _, w := range n[1:3] {
			require.Equal(s.t, []string{"hello"}, w.on("t"))
		}
		require.Empty(s.t, n[3].on("t"))
		require.Empty(s.t, n[1].on("other"))
	}},
	{"the publisher has no echo", func(s *scene) {
		n := s.join(2)
		n[0].subscribe("t")
		n[1].subscribe("t")
		s.settle(n...)
		n[0].publish("t", "mine")
		n[1].publish("t", "yours")
		n[0].until("it arrives", func() bool { return n[0].has("t", []byte("yours")) })
		s.settle(n...)
		require.Equal(s.t, []string{"yours"}, n[0].on("t"))
		require.Equal(s.t, []string{"mine"}, n[1].on("t"))
	}},
	{"the order holds over all topics", func(s *scene) {
		n := s.join(3)
		topics := []string{"a", "b", "c-_9"}
		n[1].subscribe(topics...)
		n[2].subscribe(topics...)
		s.settle(n...)
		var want []string
		for i := 0; i < 3000; {
			var batch []core.RelayMessage
			for range 1 + i%40 {
				want = append(want, strconv.Itoa(i))
				batch = append(batch, core.RelayMessage{Topic: topics[i/2%3], Payload: []byte(strconv.Itoa(i))})
				i++
			}
			sent, err := n[0].node.Publish(batch)
			require.NoError(s.t, err)
			require.Equal(s.t, len(batch), sent)
		}
		for _, w := range n[1:] {
			w.until("all arrive", func() bool { return len(w.on(topics...)) >= len(want) })
			require.Equal(s.t, want, w.on(topics...))
		}
	}},
	{"many publish to many at once", func(s *scene) {
		const each = 500
		n := s.join(4)
		for _, w := range n {
			w.subscribe("t")
		}
		s.settle(n...)
		var all sync.WaitGroup
		errs := make(chan error, len(n))
		for _, w := range n {
			all.Go(func() {
				for i := range each {
					if _, err := w.node.Publish([]core.RelayMessage{{Topic: "t", Payload: fmt.Appendf(nil, "%s %d", w.name, i)}}); err != nil {
						errs <- err
						return
					}
				}
			})
		}
		all.Wait()
		require.Empty(s.t, errs)
		for _, w := range n {
			w.until("all arrive", func() bool { return len(w.on("t")) >= each*(len(n)-1) })
			next := map[string]int{}
			for _, p := range w.on("t") {
				from, number, _ := strings.Cut(p, " ")
				require.Equal(s.t, strconv.Itoa(next[from]), number, "from %s", from)
				next[from]++
			}
			require.Len(s.t, next, len(n)-1)
		}
	}},
	{"an answer finds the topic that was subscribed to before", func(s *scene) {
		n := s.join(2)
		n[0].subscribe("question")
		s.settle(n...)
		n[1].subscribe("answer")
		n[1].publish("question", "why?")
		n[0].until("it arrives", func() bool { return n[0].has("question", []byte("why?")) })
		n[0].publish("answer", "because")
		n[1].until("it arrives", func() bool { return n[1].has("answer", []byte("because")) })
	}},
	{"a subscription ends", func(s *scene) {
		n := s.join(2)
		n[1].subscribe("t", "t")
		s.settle(n...)
		s.reach(n[0], n[1], "t")
		require.NoError(s.t, n[1].node.Unsubscribe("t"), "one end is enough for two subscriptions")
		require.NoError(s.t, n[1].node.Unsubscribe("t"))
		require.NoError(s.t, n[1].node.Unsubscribe("never"))
		i := 0
		n[1].until("nothing comes on the topic", func() bool {
			i++
			n[0].publish("t", "t"+strconv.Itoa(i))
			s.reach(n[0], n[1], n[1].name) // behind it
			return !n[1].has("t", []byte("t"+strconv.Itoa(i)))
		})
		n[1].subscribe("t")
		s.reach(n[0], n[1], "t")
	}},
	{"topics come and go in thousands", func(s *scene) {
		n := s.join(2)
		for i := range 20000 {
			n[1].subscribe("g-" + strconv.Itoa(i))
			if i >= 100 {
				require.NoError(s.t, n[1].node.Unsubscribe("g-"+strconv.Itoa(i-100)))
			}
		}
		s.reach(n[0], n[1], "g-19950")
	}},
	{"payloads of every size arrive whole", func(s *scene) {
		n := s.join(2)
		long := strings.Repeat("t", core.MaxRelayToken)
		n[1].subscribe(long)
		s.settle(n...)
		most := n[0].node.MaxPayload()
		require.GreaterOrEqual(s.t, most, core.MinRelayPart)
		for _, size := range []int{0, 1, 4096, core.MinRelayPart, most} {
			payload := make([]byte, size)
			for i := range payload {
				payload[i] = byte(i * 7)
			}
			sent, err := n[0].node.Publish([]core.RelayMessage{{Topic: long, Payload: payload}})
			require.NoError(s.t, err)
			require.Equal(s.t, 1, sent)
			n[1].until("it arrives", func() bool { return n[1].has(long, payload) })
		}
	}},
	{"a payload that is too long fails alone", func(s *scene) {
		n := s.join(2)
		n[1].subscribe("t")
		s.settle(n...)
		sent, err := n[0].node.Publish([]core.RelayMessage{
			{Topic: "t", Payload: []byte("first")},
			{Topic: "t", Payload: make([]byte, n[0].node.MaxPayload()+1)},
			{Topic: "t", Payload: []byte("third")},
		})
		require.Error(s.t, err)
		require.Equal(s.t, 1, sent)
		n[0].publish("t", "last")
		n[1].until("it arrives", func() bool { return n[1].has("t", []byte("last")) })
		require.Equal(s.t, []string{"first", "last"}, n[1].on("t"))
	}},
	{"bytes of strangers come as they are", func(s *scene) {
		if s.net.Inject == nil {
			s.t.Skip("nobody but nodes can publish")
		}
		n := s.join(2)
		n[0].subscribe("t")
		s.settle(n...)
		for _, b := range [][]byte{{}, {0}, []byte("\xff\xfe\x00*>."), bytes.Repeat([]byte{1}, 5000)} {
			s.net.Inject("t", b)
			n[0].until("it arrives", func() bool { return n[0].has("t", b) })
		}
		s.reach(n[1], n[0], n[0].name)
	}},
	{"clusters on one broker do not hear each other", func(s *scene) {
		if s.net.Stranger == nil {
			s.t.Skip("there is one cluster at each broker")
		}
		n := s.join(2)
		other := []*witness{s.joinBy(s.net.Stranger()), s.joinBy(s.net.Stranger())}
		for _, w := range []*witness{n[0], n[1], other[0], other[1]} {
			w.subscribe("t")
		}
		s.settle(n...)
		s.settle(other...)
		n[0].publish("t", "ours")
		other[0].publish("t", "theirs")
		n[1].until("it arrives", func() bool { return n[1].has("t", []byte("ours")) })
		other[1].until("it arrives", func() bool { return other[1].has("t", []byte("theirs")) })
		s.settle(n...)
		s.settle(other...)
		require.Equal(s.t, []string{"ours"}, n[1].on("t"))
		require.Equal(s.t, []string{"theirs"}, other[1].on("t"))
		mine, _ := n[0].claim("k", "ours")
		require.True(s.t, mine)
		mine, _ = other[0].claim("k", "theirs")
		require.True(s.t, mine)
		require.Equal(s.t, "ours", n[1].lookup("k"))
	}},
	{"a slow node keeps nobody waiting", func(s *scene) {
		n := s.join(3)
		n[1].subscribe("t")
		n[2].subscribe("t")
		s.settle(n...)
		n[1].stop()
		const count = 1500
		payload := strings.Repeat("x", 16<<10)
		for i := range count { // 24 MiB
			n[0].publish("t", fmt.Sprintf("%06d", i)+payload)
			if i%16 == 0 { // the other node keeps up
				mark := fmt.Sprintf("%06d", i) + payload
				n[2].until("it arrives", func() bool { return n[2].has("t", []byte(mark)) })
			}
		}
		n[1].release()
		s.reach(n[0], n[1], n[1].name)
		s.reach(n[0], n[2], n[2].name)
		got := n[1].on("t")
		require.Equal(s.t, len(got) < count, n[1].read(&n[1].lost) > 0, "%d of %d came", len(got), count)
		for i := 1; i < len(got); i++ {
			require.Less(s.t, got[i-1][:6], got[i][:6], "the order holds")
		}
		require.Equal(s.t, count, len(n[2].on("t")))
	}},
	{"a node that is closed is silent", func(s *scene) {
		n := s.join(2)
		n[1].subscribe("t")
		s.settle(n...)
		ctx, cancel := patient()
		defer cancel()
		var all sync.WaitGroup
		for range 3 { // side by side with what goes on
			all.Go(func() { n[1].node.Close(ctx) }) //nolint:errcheck // it is closed again below
		}
		for range 100 {
			n[0].publish("t", "late")
		}
		all.Wait()
		require.NoError(s.t, n[1].node.Close(ctx))
		came := len(n[1].messages())
		_, err := n[1].node.Publish([]core.RelayMessage{{Topic: "t", Payload: []byte("x")}})
		require.Error(s.t, err)
		require.Error(s.t, n[1].node.Subscribe("u"))
		require.Error(s.t, n[1].node.Unsubscribe("t"))
		_, _, err = n[1].node.Claim(ctx, "k", nil)
		require.Error(s.t, err)
		_, _, err = n[1].node.Lookup(ctx, "k")
		require.Error(s.t, err)
		require.Error(s.t, n[1].node.Release(ctx, "k"))
		n[0].publish("t", "later")
		third := s.join(1)[0]
		third.subscribe("t")
		s.reach(n[0], third, "t")
		require.Equal(s.t, came, len(n[1].messages()))
	}},
	{"what was published before the end arrives", func(s *scene) {
		n := s.join(2)
		n[1].subscribe("t")
		s.settle(n...)
		n[0].publish("t", "bye")
		ctx, cancel := patient()
		defer cancel()
		require.NoError(s.t, n[0].node.Close(ctx))
		n[1].until("it arrives", func() bool { return n[1].has("t", []byte("bye")) })
	}},
	{"joining ends with its context", func(s *scene) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := s.net.Connect().Join(ctx, "late", &witness{t: s.t})
		require.Error(s.t, err)
	}},
}
