package core

import (
	"sync"

	"github.com/hisock/hisock/core/internal/budget"
)

// Copies counts what the payloads of concurrent handlers take that run at this moment. Like an
// inbox it lets one in that is too large when there is no other.
type copies struct {
	limit  int
	budget *budget.Budget

	mu    sync.Mutex // guards the fields below
	room  sync.Cond
	bytes int
	mem   budget.Meter
}

func (k *copies) init(limit int, b *budget.Budget) {
	k.limit, k.budget = limit, b
	k.room.L = &k.mu
}

// try counts n bytes more, if there is room.
func (k *copies) try(n int) bool {
	k.mu.Lock()
	ok := k.fitsLocked(n)
	if ok {
		k.addLocked(n)
	}
	k.mu.Unlock()
	return ok
}

// wait counts n bytes more once there is room.
func (k *copies) wait(n int) {
	k.mu.Lock()
	for !k.fitsLocked(n) {
		k.room.Wait()
	}
	k.addLocked(n)
	k.mu.Unlock()
}

func (k *copies) fitsLocked(n int) bool { return k.bytes == 0 || k.bytes+n <= k.limit }

func (k *copies) addLocked(n int) {
	k.bytes += n
	k.mem.Set(k.budget, k.bytes)
}

func (k *copies) done(n int) {
	k.mu.Lock()
	k.addLocked(-n)
	k.mu.Unlock()
	k.room.Broadcast()
}
