package historytest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hisock/hisock/transport/transporttest"
)

func TestMain(m *testing.M) { transporttest.Main(m) }

func TestMemory(t *testing.T) { Run(t, suiteOf(0)) }

// Every promise holds as well if what is told takes a while.
func TestMemoryWithDelay(t *testing.T) { Run(t, suiteOf(5*time.Millisecond)) }

func suiteOf(delay time.Duration) Suite {
	return Suite{
		In: synctest.Test,
		New: func(*testing.T) *Net {
			m, other := NewMemory(delay), NewMemory(delay)
			return &Net{Connect: func() *Way { return wayTo(m) }, Stranger: func() *Way { return wayTo(other) }, Delete: m.Delete}
		},
	}
}

func wayTo(m *Memory) *Way {
	s := m.Connect()
	return &Way{HistoryStore: s, Cut: s.Cut, Mend: s.Mend}
}
