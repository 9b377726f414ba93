// Package transporttest holds what tests of transports and of programs on top of
// them share: the conformance suite that every [transport.Conn],
// [transport.Listener] and [transport.Dialer] must pass, a check that no
// goroutine is left, and certificates made on the spot.
//
//	func TestMain(m *testing.M) { transporttest.Main(m) }
//
//	func TestConn(t *testing.T) {
//		transporttest.Run(t, func(t *testing.T) (a, b transport.Conn, stop func()) {
//			a, b = transport.Pipe()
//			return a, b, nil
//		})
//	}
//
// The suite proves what package transport promises and nothing that depends on
// the medium; [RunHalfClose] adds what only some media can do. It measures no
// durations: its waits are bounded by [Patience] so that a transport that hangs
// fails with the stacks of all goroutines.
package transporttest
