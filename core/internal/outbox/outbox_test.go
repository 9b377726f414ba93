package outbox

import (
	"sync/atomic"
	"testing"

	"github.com/hisock/hisock/core/internal/budget"
	"github.com/hisock/hisock/transport/transporttest"
)

func TestMain(m *testing.M) { transporttest.Main(m) }

// byHand owns outboxes from which a test takes by hand.
type byHand struct{}

func (byHand) Enter() bool        { return true }
func (byHand) Write() (last bool) { return false }

func newOutbox(limit int, all *budget.Budget) *Outbox {
	o := new(Outbox)
	o.Init(&Common{Budget: all, Dropped: new(atomic.Uint64)}, byHand{}, limit, new(int), false)
	return o
}
