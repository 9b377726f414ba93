//go:build !js

package core

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// No more than a few answers wait for a client that asks for records without end.
func TestFewAnswersWait(t *testing.T) {
	frame := func(payload string) string { return fmt.Sprintf("%-16d%s", len(payload), payload) }
	inWorld(t, nil, func(w *world) {
		w.serve()
		p := w.peer()
		p.Send([]byte(frame(`$CLTHELLO${"name": "eve", "group": null}`)))
		synctest.Wait()
		c := w.conn("eve")
		asks, most := []byte(strings.Repeat(frame("$GETCLT$nobody"), 100)), 0
		for range 10 {
			p.Send(asks)
			synctest.Wait()
			c.legacy.answers.mu.Lock()
			most = max(most, len(c.legacy.answers.waiting))
			c.legacy.answers.mu.Unlock()
		}
		require.NotZero(t, most)
		require.LessOrEqual(t, most, maxAnswers)
		p.Stream.Close() //nolint:errcheck // it is over
	})
}
