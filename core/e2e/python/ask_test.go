//go:build !js

package python_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
)

// A client that asks for records without end gets each, in order. A client that does not read the
// answers is not read either, and ends.
func TestAsksWithoutEnd(t *testing.T) {
	const asks = 20_000
	inWorld(t, nil, func(w *world) {
		w.tapped()
		p := w.v3(`"eve"`, `null`)
		c := w.conn("eve")
		for range asks / 100 {
			p.send(oldFrames(strings.Split(strings.Repeat("$GETCLT$nobody\x00", 100), "\x00")[:100]...))
			synctest.Wait()
		}
		time.Sleep(recordDelay)
		none := oldFrames("$CMD$record$1$$MSG$5       d9s9straceback$NOEXIST$")
		requireSame(t, strings.Repeat(none, asks), p.take())
		require.NoError(t, c.Err())
	})
	inWorld(t, &core.ServerOptions{Limits: core.Limits{QueueBytes: 32 << 10}}, func(w *world) {
		w.serve()
		deaf := w.peer()
		deaf.Send([]byte(helloV3(`"deaf"`, `null`)))
		synctest.Wait()
		c := w.conn("deaf")
		ask := []byte(oldFrames(strings.Split(strings.Repeat("$GETCLT$nobody\x00", 100), "\x00")[:100]...))
		for c.Err() == nil {
			if _, err := deaf.Stream.Write(ask); err != nil {
				break
			}
			time.Sleep(recordDelay)
		}
		<-c.Done()
		require.Equal(t, core.CodeWriteTimeout.String(), core.CodeOf(c.Err()).String())
		deaf.Stream.Close() //nolint:errcheck // it is over
	})
}
