package natsrelay

import "sync"

// A graveyard remembers ids of leases that are over, up to maxDead. No id is used again. It is safe for concurrent use.
type graveyard struct {
	mu  sync.Mutex // guards ids
	ids map[string]struct{}
}

func (g *graveyard) has(id string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, ok := g.ids[id]
	return ok
}

func (g *graveyard) add(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.ids == nil || len(g.ids) >= maxDead {
		g.ids = make(map[string]struct{})
	}
	g.ids[id] = struct{}{}
}
