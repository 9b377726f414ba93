//go:build !js

package python_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// A client of a release before 3.0a is sent at most ClassicOptions.Pace bytes a second, after a burst for
// which it has room. Other clients are not slowed down, and its own commands are handled meanwhile.
func TestPace(t *testing.T) {
	const pace, frames, size = 10 << 10, 100, 1000
	inWorld(t, &core.ServerOptions{Classic: core.ClassicOptions{Pace: pace}}, func(w *world) {
		var heard kept[string]
		w.srv.OnBytes("say", func(_ context.Context, c *core.Conn, b []byte) error { heard.Add(string(b)); return nil })
		lis := w.tapped()
		old, three := w.old(`"old"`, `null`), w.v3(`"eve"`, `null`)
		three.send(oldFrames(cmd("say", "2s", "hi")))
		old.take()
		begin := time.Now()
		for range frames {
			require.NoError(t, w.srv.All().SendBytes("n", []byte(strings.Repeat("x", size))))
		}
		require.Len(t, three.take(), frames*(16+len("$CMD$n$MSG$")+8+len("1000b")+size))
		each := 16 + len("n ") + size
		counted := each + paceFrame
		most := func() int { // bytes that may have been written so far
			return int(time.Since(begin).Seconds()*pace)/counted*each + paceBurst/counted*each + 2*each
		}
		got := len(old.take())
		require.LessOrEqual(t, got, most())
		require.GreaterOrEqual(t, got, paceBurst/counted*each-each)
		old.send(oldFrames("say meanwhile"))
		time.Sleep(200 * time.Millisecond)
		synctest.Wait()
		require.Equal(t, []string{"hi", "meanwhile"}, heard.All())
		for got < frames*each {
			require.Less(t, time.Since(begin), time.Minute)
			time.Sleep(100 * time.Millisecond)
			got += len(old.take())
			require.LessOrEqual(t, got, most())
		}
		require.InDelta(t, float64(frames*counted-paceBurst)/pace, time.Since(begin).Seconds(), 0.5)
		lis.conns[0].requireWhole(t, 16)
		time.Sleep(time.Minute) // enough for a whole burst again
		require.NoError(t, w.conn("old").Send("n", 1))
		require.True(t, strings.HasSuffix(old.take(), oldFrames("n 1")))
	})
}

// A slow pace does not count as a stalled client, and does not delay the end.
func TestPaceEnds(t *testing.T) {
	inWorld(t, &core.ServerOptions{Classic: core.ClassicOptions{Pace: 100}}, func(w *world) {
		w.tapped()
		p := w.old(`"old"`, `null`)
		c := w.conn("old")
		require.NoError(t, c.SendBytes("n", make([]byte, 40<<10)))
		require.NoError(t, c.SendBytes("n", make([]byte, 40<<10)))
		require.NoError(t, c.Send("last", 1))
		time.Sleep(time.Minute)
		synctest.Wait()
		require.NoError(t, c.Err(), "it is not the client that stands still")
		begin := time.Now()
		c.Close()
		<-c.Done()
		require.LessOrEqual(t, time.Since(begin), 3*time.Second)
		require.True(t, p.isEnded())
		synctest.Wait()
	})
}
