// Package transporttest has helpers for tests of transports and of programs that use
// them: the conformance suite that every [transport.Conn],
// [transport.Listener] and [transport.Dialer] must pass, a check that no
// goroutine remains, and certificates for tests.
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
// The suite checks the promises of package transport that hold for every
// medium. [RunHalfClose] checks a promise that only some media make. The suite measures no
// durations. [Patience] bounds its waits, so that a transport that hangs
// fails with the stacks of all goroutines.
package transporttest
