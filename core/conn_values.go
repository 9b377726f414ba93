package core

import (
	"sync"
	"sync/atomic"
)

// Attachments are the values that the program has attached to a connection.
type attachments struct {
	list atomic.Pointer[[]attached]
	mu   sync.Mutex // held by who changes the list, which is copied for that
}

// An attached value. They are few, and a map whose keys are anything would cost a browser build 2 KB.
type attached struct{ key, value any }

// Set attaches a value of the program's own to the connection, at either end and at any time, for
// [Conn.Get]. A nil value takes away what was there. The peer is told nothing of it. Keys should be of
// a type of the program's own, as those of a [context.Context]; there should be few, since Set
// takes time for each of them and Get looks at one after the other.
//
// Values stay while the connection does, over a resume too. One that joins anew begins without any.
func (c *Conn) Set(key, value any) {
	c.values.mu.Lock()
	defer c.values.mu.Unlock()
	var list []attached
	if p := c.values.list.Load(); p != nil {
		list = *p
	}
	list = withValue(list, key, value)
	c.values.list.Store(&list)
}

// Get returns what [Conn.Set] or [Admission.Set] has attached to the connection under key, or nil.
// It takes no lock.
func (c *Conn) Get(key any) any {
	p := c.values.list.Load()
	if p == nil {
		return nil
	}
	list := *p
	for i := range list {
		if list[i].key == key {
			return list[i].value
		}
	}
	return nil
}

// withValue returns a list with that value under key, and none if value is nil. The list before
// is not changed.
func withValue(list []attached, key, value any) []attached {
	next := make([]attached, 0, len(list)+1)
	for _, a := range list {
		if a.key != key {
			next = append(next, a)
		}
	}
	if value != nil {
		next = append(next, attached{key, value})
	}
	return next
}
