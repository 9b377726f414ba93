package relaytest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hisock/hisock/transport/transporttest"
)

func TestMain(m *testing.M) { transporttest.Main(m) }

func TestMemory(t *testing.T) {
	Run(t, suiteOf(&MemoryOptions{}))
}

// Every promise holds as well if each message takes a while.
func TestMemoryWithDelay(t *testing.T) {
	Run(t, suiteOf(&MemoryOptions{Delay: 5 * time.Millisecond, Inbox: 16 << 20}))
}

func suiteOf(opts *MemoryOptions) Suite {
	return Suite{
		In: synctest.Test,
		New: func(*testing.T) *Net {
			m := NewMemory(opts)
			other := NewMemory(opts)
			return &Net{Connect: func() *Way { return wayTo(m) }, Stranger: func() *Way { return wayTo(other) }, Inject: m.Inject}
		},
	}
}

func wayTo(m *Memory) *Way {
	r := m.Connect()
	return &Way{Relay: r, Cut: r.Cut, Mend: r.Mend, Kill: r.Kill}
}
