package media_test

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/hisock/hisock/core"
	"github.com/hisock/hisock/core/e2e/harness"
	"github.com/hisock/hisock/transport/transporttest"
)

// readers returns the number of goroutines that read connections, at both ends.
func readers() int {
	buf := make([]byte, 1<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "core.(*Conn).readOn(")
}

// Idle connections over plain sockets have no reader. They are woken by input and by their end.
func TestIdleConnsHaveNoReader(t *testing.T) {
	harness.Over(t, harness.Sockets, func(t *testing.T, n *harness.Network) {
		s := harness.NewScene(t, n, &core.ServerOptions{Timeouts: core.Timeouts{Heartbeat: 400 * time.Millisecond}})
		ada := s.Join("ada", n)
		for range 3 {
			require.Eventually(t, func() bool { return readers() == 0 }, transporttest.Patience, time.Millisecond)
			answer, err := ada.CallBytes(s.Ctx, "echo", []byte("awake"))
			require.NoError(t, err)
			require.Equal(t, "awake", string(answer))
		}
		require.Eventually(t, func() bool { return readers() == 0 }, transporttest.Patience, time.Millisecond)
		require.NoError(t, ada.Close())
		s.WantLeft("ada", core.CodeClosed)
		s.Check()
	})
}
