package historytest

import (
	"context"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

var cases = []historyCase{
	{"a log begins with the first read", func(s *scene) {
		n := s.open(2)
		a := n[0].read("g", 0, 0)
		b := n[1].read("g", 0, 0)
		require.Equal(s.t, a, b)
		require.Empty(s.t, a.Messages)
		require.NotEqual(s.t, a.Epoch, n[0].read("h", 0, 0).Epoch)
		n[1].append("g", "one")
		c := n[0].read("g", a.Epoch, a.First-1)
		require.Equal(s.t, core.HistoryPart{Epoch: a.Epoch, First: a.First, Messages: [][]byte{[]byte("one")}}, c)
	}},
	{"messages have one order, and are read from anywhere", func(s *scene) {
		n := s.open(2)
		n[0].append("g", "a", "b")
		n[1].append("g", "c")
		n[0].append("g", "d")
		n[0].append("other", "x")
		all := n[1].read("g", 0, 0)
		require.Equal(s.t, []string{"a", "b", "c", "d"}, textsOf(all))
		for i := range 5 {
			part := n[i%2].read("g", all.Epoch, all.First-1+uint64(i))
			require.Equal(s.t, all.First+uint64(i), part.First)
			require.Equal(s.t, textsOf(all)[i:], append([]string{}, textsOf(part)...))
		}
		require.Equal(s.t, all, n[0].read("g", all.Epoch+1, all.First+1), "of another epoch")
		require.Equal(s.t, all, n[0].read("g", all.Epoch, 1<<62), "of the future")
		require.Equal(s.t, []string{"x"}, textsOf(n[1].read("other", 0, 0)))
	}},
	{"a batch for many groups, of every size", func(s *scene) {
		n := s.open(2)
		var batch []core.HistoryMessage
		long := strings.Repeat("\x00\xffL", 5000)
		for i := range 3 {
			for _, g := range []string{"g-", "_h", strings.Repeat("K", core.MaxRelayToken)} {
				batch = append(batch, n[0].batch(g, "", long[:5000*i])...)
			}
		}
		n[0].appendBatch(batch)
		for _, g := range []string{"g-", "_h", strings.Repeat("K", core.MaxRelayToken)} {
			require.Equal(s.t, []string{"", "", "", long[:5000], "", long[:10000]}, textsOf(n[1].read(g, 0, 0)))
		}
		large := strings.Repeat("x", n[0].log.MaxMessage())
		n[0].append("large", large)
		require.Empty(s.t, n[1].read("large", 0, 0).Messages, "it is more than a read returns")
		n[0].append("large", "small")
		require.Equal(s.t, []string{"small"}, textsOf(n[1].read("large", 0, 0)))
	}},
	{"the newest messages are kept, and a gap shows", func(s *scene) {
		n := s.open(2)
		begin := n[0].read("g", 0, 0)
		texts := numbered("m", 3*kept)
		for _, text := range texts {
			n[0].append("g", text)
		}
		part := n[1].read("g", begin.Epoch, begin.First-1)
		require.Equal(s.t, begin.Epoch, part.Epoch)
		require.Equal(s.t, texts[2*kept:], textsOf(part))
		require.Equal(s.t, begin.First+2*kept, part.First)
		require.Equal(s.t, part, n[0].read("g", 0, 0))
	}},
	{"the followers hear of everything, in order", func(s *scene) {
		n := s.open(3)
		begin := n[0].read("g", 0, 0)
		for _, w := range n {
			require.NoError(s.t, w.log.Follow("g"))
			require.NoError(s.t, w.log.Follow("g"))
			w.read("g", 0, 0)
		}
		var all sync.WaitGroup
		for _, w := range n {
			batches := [][]core.HistoryMessage{}
			for i := range 10 {
				batches = append(batches, w.batch("g", numbered(w.name+strings.Repeat("'", i), 3)...))
			}
			all.Go(func() {
				ctx, cancel := patient()
				defer cancel()
				for _, b := range batches {
					for w.log.Append(ctx, b) != nil && ctx.Err() == nil {
					}
				}
			})
		}
		all.Wait()
		for _, w := range n {
			w.until("it has heard of everything", func() bool { return len(w.told("g", begin.Epoch, begin.First)) == 90 })
		}
		told := n[0].told("g", begin.Epoch, begin.First)
		require.Equal(s.t, told, n[1].told("g", begin.Epoch, begin.First))
		require.Equal(s.t, told, n[2].told("g", begin.Epoch, begin.First))
		require.Equal(s.t, told[90-kept:], textsOf(n[1].read("g", 0, 0)))
		for _, w := range n {
			var own, want []string
			for _, text := range told {
				if strings.HasPrefix(text, w.name) {
					own = append(own, text)
				}
			}
			for i := range 10 {
				want = append(want, numbered(w.name+strings.Repeat("'", i), 3)...)
			}
			require.Equal(s.t, want, own)
		}
	}},
	{"who does not follow hears nothing", func(s *scene) {
		n := s.open(2)
		begin := n[0].read("g", 0, 0)
		require.NoError(s.t, n[1].log.Unfollow("g"))
		require.NoError(s.t, n[1].log.Follow("g"))
		n[1].read("g", 0, 0)
		n[0].append("g", "one")
		n[0].append("h", "other")
		n[1].until("it hears of it", func() bool { return len(n[1].told("g", begin.Epoch, begin.First)) == 1 })
		require.NoError(s.t, n[1].log.Unfollow("g"))
		require.NoError(s.t, n[1].log.Follow("h"))
		n[1].read("h", 0, 0)
		n[0].append("g", "two")
		n[0].append("h", "mark")
		n[1].until("it hears of the mark", func() bool {
			n[1].mu.Lock()
			defer n[1].mu.Unlock()
			return len(n[1].parts["h"]) == 1
		})
		require.Empty(s.t, n[0].parts)
	}},
	{"a batch that comes again is there once", func(s *scene) {
		n := s.open(2)
		batch := append(n[0].batch("g", "a", "b"), n[0].batch("h", "c")...)
		n[0].appendBatch(batch)
		n[0].appendBatch(batch)
		n[0].append("g", "d")
		require.Equal(s.t, []string{"a", "b", "d"}, textsOf(n[1].read("g", 0, 0)))
		require.Equal(s.t, []string{"c"}, textsOf(n[1].read("h", 0, 0)))
	}},
	{"what is forgotten is gone, and the numbers go on", func(s *scene) {
		n := s.open(2)
		n[0].append("g", "a", "b")
		before := n[1].read("g", 0, 0)
		require.NoError(s.t, n[1].log.Follow("g"))
		n[1].read("g", 0, 0)
		ctx, cancel := patient()
		defer cancel()
		require.NoError(s.t, n[0].log.Forget(ctx, "g"))
		after := n[1].read("g", before.Epoch, before.First-1)
		require.Equal(s.t, core.HistoryPart{Epoch: before.Epoch, First: before.Next()}, core.HistoryPart{Epoch: after.Epoch, First: after.First})
		require.Empty(s.t, after.Messages)
		for _, w := range n { // also who has had everything
			require.Equal(s.t, before.Next(), w.read("g", before.Epoch, before.Next()-1).Forgotten)
		}
		n[0].append("g", "c")
		for _, w := range n {
			require.Equal(s.t, before.Next(), w.read("g", before.Epoch, before.Next()).Forgotten)
			require.Equal(s.t, before.Next(), w.read("g", 0, 0).Forgotten)
		}
		n[1].until("it hears of both", func() bool {
			n[1].mu.Lock()
			defer n[1].mu.Unlock()
			parts := n[1].parts["g"]
			return len(parts) == 2 && parts[0].Forgotten == before.Next() && parts[0].First == before.Next() && string(parts[1].Messages[0]) == "c" && parts[1].First == before.Next()
		})
		require.Equal(s.t, []string{"c"}, textsOf(n[0].read("g", 0, 0)))
		require.NoError(s.t, n[0].log.Forget(ctx, "new"))
		require.Empty(s.t, n[0].read("new", 0, 0).Messages)
	}},
	{"everything outlives the servers", func(s *scene) {
		n := s.open(1)
		n[0].append("g", "a", "b")
		before := n[0].read("g", 0, 0)
		ctx, cancel := patient()
		defer cancel()
		require.NoError(s.t, n[0].log.Close(ctx))
		require.NoError(s.t, n[0].log.Close(ctx))
		require.Error(s.t, n[0].log.Append(ctx, n[0].batch("g", "c")))
		_, err := n[0].log.Read(ctx, "g", 0, 0)
		require.Error(s.t, err)
		require.Error(s.t, n[0].log.Follow("g"))
		later := s.open(1)[0]
		require.Equal(s.t, before, later.read("g", 0, 0))
		later.append("g", "c")
		require.Equal(s.t, []string{"b", "c"}, textsOf(later.read("g", before.Epoch, before.First)))
	}},
	{"a log that was deleted begins with another epoch", func(s *scene) {
		if s.net.Delete == nil {
			s.t.Skip("nothing can be deleted")
		}
		n := s.open(2)
		n[0].append("g", "a", "b")
		before := n[1].read("g", 0, 0)
		s.net.Delete()
		n[0].append("g", "c")
		after := n[1].read("g", before.Epoch, before.First)
		require.NotEqual(s.t, before.Epoch, after.Epoch)
		require.Equal(s.t, []string{"c"}, textsOf(after))
		n[1].append("g", "d")
		require.Equal(s.t, []string{"d"}, textsOf(n[0].read("g", after.Epoch, after.First)))
	}},
	{"a server that is cut off is told, and comes back", func(s *scene) {
		n := s.open(2)
		if n[1].way.Cut == nil {
			s.t.Skip("the store cannot be cut off")
		}
		begin := n[1].read("g", 0, 0)
		require.NoError(s.t, n[1].log.Follow("g"))
		n[1].read("g", 0, 0)
		n[1].mu.Lock()
		missed := n[1].missed
		n[1].mu.Unlock()
		n[1].way.Cut()
		ctx, cancel := context.WithTimeout(context.Background(), Patience/20)
		defer cancel()
		batch := n[1].batch("g", "doubtful")
		require.Error(s.t, n[1].log.Append(ctx, batch))
		n[0].append("g", "meanwhile")
		require.NoError(s.t, n[1].log.Follow("h"), "it is noted")
		n[1].way.Mend()
		n[1].until("it is told", func() bool {
			n[1].mu.Lock()
			defer n[1].mu.Unlock()
			return n[1].missed > missed
		})
		n[1].appendBatch(batch)
		n[1].until("it is there", func() bool { return len(n[1].read("g", begin.Epoch, begin.First-1).Messages) == 2 })
		require.ElementsMatch(s.t, []string{"meanwhile", "doubtful"}, textsOf(n[0].read("g", 0, 0)))
		n[1].read("h", 0, 0)
		n[0].append("h", "heard")
		n[1].until("it hears of it", func() bool {
			n[1].mu.Lock()
			defer n[1].mu.Unlock()
			return len(n[1].parts["h"]) == 1
		})
	}},
	{"strangers have other logs", func(s *scene) {
		if s.net.Stranger == nil {
			s.t.Skip("there are no strangers")
		}
		w := s.open(1)[0]
		other := s.openBy(s.net.Stranger())
		w.append("g", "ours")
		other.append("g", "theirs")
		require.Equal(s.t, []string{"ours"}, textsOf(w.read("g", 0, 0)))
		require.Equal(s.t, []string{"theirs"}, textsOf(other.read("g", 0, 0)))
	}},
	{"an operation ends with its context", func(s *scene) {
		w := s.open(1)[0]
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		require.Error(s.t, w.log.Append(ctx, w.batch("g", "x")))
		_, err := w.log.Read(ctx, "g", 0, 0)
		require.Error(s.t, err)
		require.Error(s.t, w.log.Forget(ctx, "g"))
	}},
}
