package transporttest

import (
	"testing"
	"time"

	"github.com/hisock/hisock/transport"
)

// Patience bounds every wait of the suite. A transport that works never comes
// near it.
const Patience = 15 * time.Second

// A Connect makes two connected ends for one test. Both are ready for use: what
// has to be agreed before the first byte has been agreed. stop, which may be nil,
// releases what was made besides the two; both have been closed when it is called.
type Connect func(t *testing.T) (a, b transport.Conn, stop func())

type connCase struct {
	name string
	run  func(t *testing.T, a, b transport.Conn)
}

// Run checks that the connections that connect makes keep the promises of
// [transport.Conn], and those of [transport.ReadyReader] if they have them. Every
// case gets connections of its own, runs once from each end, and must leave no
// goroutine behind; so nothing else of the program may start any meanwhile.
func Run(t *testing.T, connect Connect) {
	runCases(t, connect, streamCases)
	runCases(t, connect, deadlineCases)
	runCases(t, connect, closeCases)
	runCases(t, connect, readyCases)
}

// RunHalfClose checks the half of [transport.Conn] that depends on the medium:
// data still arrives at an end that has ended its own direction.
func RunHalfClose(t *testing.T, connect Connect) {
	runCases(t, connect, halfCloseCases)
}

func runCases(t *testing.T, connect Connect, cases []connCase) {
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Run("first end", func(t *testing.T) {
				a, b := connected(t, connect)
				tc.run(t, a, b)
			})
			t.Run("second end", func(t *testing.T) {
				a, b := connected(t, connect)
				tc.run(t, b, a)
			})
		})
	}
}

// connected makes two ends that are closed when the test ends, and then looks for
// goroutines that are left.
func connected(t *testing.T, connect Connect) (a, b transport.Conn) {
	t.Helper()
	checkGoroutines(t)
	a, b, stop := connect(t)
	t.Cleanup(func() {
		a.Close()
		b.Close()
		if stop != nil {
			stop()
		}
	})
	return a, b
}
