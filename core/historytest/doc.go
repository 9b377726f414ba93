// Package historytest has helpers for tests of stores of history and of servers with one: the conformance suite that every
// [core.HistoryStore] must pass, and a store in memory with faults.
//
//	func TestStore(t *testing.T) {
//		historytest.Run(t, historytest.Suite{New: func(t *testing.T) *historytest.Net {
//			return &historytest.Net{Connect: func() *historytest.Way {
//				s := storeOf(t)
//				return &historytest.Way{HistoryStore: s, Cut: s.cut, Mend: s.mend}
//			}}
//		}})
//	}
//
// The suite checks the promises of [core.HistoryStore], [core.HistoryLog] and [core.HistoryHandler]. It measures no durations. [Patience] bounds its
// waits.
package historytest
