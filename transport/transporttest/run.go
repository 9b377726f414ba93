package transporttest

import (
	"testing"
	"time"

	"github.com/hisock/hisock/transport"
)

// Patience bounds every wait of the suite. A working transport takes much less time.
const Patience = 15 * time.Second

// A Connect makes two connected ends for one test. Both are ready for use: handshakes
// are over. stop, which may be nil,
// releases other resources. It is called after both ends have been closed.
type Connect func(t *testing.T) (a, b transport.Conn, stop func())

type connCase struct {
	name string
	run  func(t *testing.T, a, b transport.Conn)
}

// Run checks that the connections that connect makes keep the promises of [transport.Conn], and of
// [transport.ReadyReader] and [transport.Sleeper] if they are one. Every case gets new connections,
// runs once from each end, and must leave no goroutine behind. So no other part of the program may
// start a goroutine meanwhile.
func Run(t *testing.T, connect Connect) {
	runCases(t, connect, streamCases)
	runCases(t, connect, deadlineCases)
	runCases(t, connect, closeCases)
	runCases(t, connect, readyCases)
	runCases(t, connect, sleepCases)
}

// RunHalfClose checks a promise that only some media make:
// bytes still arrive at an end that has ended its own direction.
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

// connected makes two ends. When the test ends they are closed, and it checks that no goroutine
// remains.
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
