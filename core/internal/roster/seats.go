package roster

import "slices"

// seats say who holds what only so many may hold: a name, or the seats of a user. The zero value is empty.
// Its owner locks.
type seats[C comparable] struct {
	held map[string][]C // the one that came first in front
}

// take gives c a seat at key, of which there are so many, unless all are taken: then it returns who has
// them, the one that came first in front. One that has a seat there keeps it.
func (t *seats[C]) take(key string, most int, c C) (holders []C) {
	held := t.held[key]
	if slices.Contains(held, c) {
		return nil
	}
	if len(held) >= most {
		return slices.Clone(held)
	}
	if t.held == nil {
		t.held = make(map[string][]C)
	}
	t.held[key] = append(held, c)
	return nil
}

// give gives the seat of c at key back, if it has one.
func (t *seats[C]) give(key string, c C) {
	held := t.held[key]
	i := slices.Index(held, c)
	switch {
	case i < 0:
	case len(held) == 1:
		delete(t.held, key)
	default:
		t.held[key] = slices.Delete(held, i, i+1)
	}
}

// arrivals are those that have seats and are not in the roster yet, and who waits for them. The zero value is
// empty. Its owner locks.
type arrivals[C comparable] struct {
	over map[C]chan struct{} // closed when it does not arrive any more; nil while nobody waits for that
}

func (a *arrivals[C]) add(c C) {
	if a.over == nil {
		a.over = make(map[C]chan struct{})
	}
	a.over[c] = nil
}

// of returns a channel that is closed when one of the holders does not arrive any more, or nil if none does.
func (a *arrivals[C]) of(holders []C) <-chan struct{} {
	for _, h := range holders {
		over, arrives := a.over[h]
		if !arrives {
			continue
		}
		if over == nil {
			over = make(chan struct{})
			a.over[h] = over
		}
		return over
	}
	return nil
}

// remove notes that c does not arrive any more, if it did.
func (a *arrivals[C]) remove(c C) {
	if over := a.over[c]; over != nil {
		close(over)
	}
	delete(a.over, c)
}

// maxTombs is the number of sessions of which a roster remembers that they were replaced.
const maxTombs = 1024

// tombs are the sessions of members that were replaced, the last ones: their clients may not have heard of
// it, and must not come back in the place of the member that came after them. The zero value is empty. Its
// owner locks.
type tombs struct {
	tokens map[uint64][]byte // by id of the session
	ring   []uint64          // ids, which are written over in turn
	next   int
}

func (t *tombs) bury(id uint64, token []byte) {
	if t.tokens == nil {
		t.tokens = make(map[uint64][]byte)
	}
	if len(t.ring) < maxTombs {
		t.ring = append(t.ring, id)
	} else {
		delete(t.tokens, t.ring[t.next])
		t.ring[t.next] = id
		t.next = (t.next + 1) % maxTombs
	}
	t.tokens[id] = token
}
