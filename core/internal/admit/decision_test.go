package admit

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDecision(t *testing.T) {
	for name, tc := range map[string]struct {
		by      time.Duration // time for the decision; 0 for no bound
		base    time.Duration // when base ends; 0 for never
		before  bool          // Hurry comes before Begin
		hurry   time.Duration // when Hurry comes; 0 for never
		answers time.Duration // when the program answers; 0 for never
		ends    time.Duration // when the context ends
		lateAt  time.Duration // when the decision is given up; 0 for never
	}{
		"in time":             {by: 5 * time.Second, answers: time.Second, ends: time.Second},
		"within the grace":    {by: 5 * time.Second, answers: 5500 * time.Millisecond, ends: 5 * time.Second, lateAt: 0},
		"never":               {by: 5 * time.Second, ends: 5 * time.Second, lateAt: 6 * time.Second},
		"too late":            {by: 5 * time.Second, answers: 7 * time.Second, ends: 5 * time.Second, lateAt: 6 * time.Second},
		"without a time":      {answers: time.Hour, ends: time.Hour},
		"base ends":           {base: 2 * time.Second, ends: 2 * time.Second, lateAt: 3 * time.Second},
		"in a hurry":          {by: 5 * time.Second, hurry: time.Second, ends: time.Second, lateAt: 2 * time.Second},
		"in a hurry before":   {by: 5 * time.Second, before: true, ends: 0, lateAt: time.Second},
		"in a hurry, answers": {hurry: time.Second, answers: 1500 * time.Millisecond, ends: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var d Decision
				start := time.Now()
				base, stop := context.WithCancel(t.Context())
				defer stop()
				if tc.base > 0 {
					time.AfterFunc(tc.base, stop)
				}
				if tc.before {
					d.Hurry()
				}
				var by time.Time
				if tc.by > 0 {
					by = start.Add(tc.by)
				}
				var lateAt, gaveUp atomic.Int64
				ctx := d.Begin(base, by, func() {
					if d.GiveUp() {
						lateAt.Store(int64(time.Since(start)))
						gaveUp.Add(1)
					}
				})
				if tc.hurry > 0 {
					time.AfterFunc(tc.hurry, d.Hurry)
				}
				answered := false
				if tc.answers > 0 {
					go func() { time.Sleep(tc.answers); answered = d.Done() }()
				}
				<-ctx.Done()
				require.Equal(t, tc.ends, time.Since(start))
				time.Sleep(2 * time.Hour)
				synctest.Wait()
				require.Equal(t, tc.lateAt, time.Duration(lateAt.Load()))
				if tc.answers > 0 {
					require.Equal(t, tc.lateAt == 0, answered)
				}
				require.False(t, d.GiveUp())
			})
		})
	}
}

func TestNothingToDecide(t *testing.T) {
	var d Decision
	require.False(t, d.GiveUp(), "nobody is asked yet")
	d.Hurry()
	require.True(t, d.Done())
	require.True(t, d.Done())
	require.False(t, d.GiveUp())
}
