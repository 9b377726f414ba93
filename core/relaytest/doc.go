// Package relaytest has helpers for tests of relays and of clusters: the conformance suite that every
// [core.Relay] must pass, and a relay in memory with faults.
//
//	func TestRelay(t *testing.T) {
//		relaytest.Run(t, relaytest.Suite{New: func(t *testing.T) *relaytest.Net {
//			return &relaytest.Net{Connect: func() *relaytest.Way {
//				r := brokerOf(t)
//				return &relaytest.Way{Relay: r, Cut: r.cut, Mend: r.mend, Kill: r.kill}
//			}}
//		}})
//	}
//
// The suite checks the promises of [core.Relay], [core.RelayNode] and [core.RelayHandler]. It measures no durations. [Patience] bounds its
// waits, so that a relay that hangs fails with the stacks of all goroutines.
package relaytest
