package roster

import "slices"

// seats has the holders of things that only a bounded number of members may hold: a name, or a place among the
// connections of a user. The zero value is empty. The caller holds the lock of the owner.
type seats[C comparable] struct {
	held map[string][]C // the holders of each key, in the order in which they came
}

// take gives c one of the most seats at key. If c has a seat already, it keeps that seat. If all seats are taken, take
// returns the holders in the order in which they came; otherwise it returns nil.
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

// give gives back the seat of c at key, if c has one.
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

// arrivals has the members that are arriving: they have seats and are not in the roster yet. The zero value is empty.
// The caller holds the lock of the owner.
type arrivals[C comparable] struct {
	over map[C]chan struct{} // closed when the member is not arriving any more; nil while nobody waits
}

func (a *arrivals[C]) add(c C) {
	if a.over == nil {
		a.over = make(map[C]chan struct{})
	}
	a.over[c] = nil
}

// of returns a channel that is closed when one of the holders is not arriving any more. It returns nil if none is
// arriving.
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

// remove notes that c is not arriving any more.
func (a *arrivals[C]) remove(c C) {
	if over := a.over[c]; over != nil {
		close(over)
	}
	delete(a.over, c)
}

// maxTombs is the number of sessions of which a roster remembers that they were replaced.
const maxTombs = 1024

// tombs has the last sessions of members that were replaced. Their clients may not know that they were replaced, and
// must not come back and take the place of the member that replaced them. The zero value is empty. The caller holds the
// lock of the owner.
type tombs struct {
	tokens map[uint64][]byte // by the session's id
	ring   []uint64          // ids of sessions; when the ring is full, the oldest is overwritten
	next   int               // index of the oldest id, if the ring is full
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
