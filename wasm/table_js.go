package main

// A table holds values by number, some hundreds at most. A map would bring 6 KB
// of code that nothing else needs.
type table[T any] struct{ entries []entry[T] }

type entry[T any] struct {
	id    int
	value T
}

func (t *table[T]) put(id int, value T) {
	t.entries = append(t.entries, entry[T]{id, value})
}

// find returns the value under id, if there is one.
func (t *table[T]) find(id int) (value T, ok bool) {
	for _, e := range t.entries {
		if e.id == id {
			return e.value, true
		}
	}
	return value, false
}

// take removes the value under id and returns it, if there is one.
func (t *table[T]) take(id int) (value T, ok bool) {
	for i, e := range t.entries {
		if e.id == id {
			last := len(t.entries) - 1
			t.entries[i] = t.entries[last]
			t.entries[last] = entry[T]{}
			t.entries = t.entries[:last]
			return e.value, true
		}
	}
	return value, false
}
