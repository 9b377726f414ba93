package moment

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // the bubble's clock is earlier than the program's start
		var never Moment
		require.Zero(t, never.Since())
		m := Now()
		require.NotZero(t, m)
		require.Zero(t, m.Since())
		time.Sleep(time.Minute)
		require.Equal(t, time.Minute, m.Since())
		require.Equal(t, time.Minute, time.Duration(Now()-m))
	})
}
