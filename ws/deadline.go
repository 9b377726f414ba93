//go:build !js

package ws

import (
	"sync"
	"time"
)

// A deadline is the caller's for one direction of a stream. The conn can put another in its
// place for a moment. set puts one on the stream.
type deadline struct {
	mu     sync.Mutex // guards the fields below, and what is set
	caller time.Time
	aside  bool // another is set
}

// Set is what the caller does.
func (d *deadline) Set(set func(time.Time) error, t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.caller = t
	if d.aside {
		return nil
	}
	return set(t)
}

// replace sets another deadline until restore, whatever the caller does meanwhile.
func (d *deadline) replace(set func(time.Time) error, t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.aside = true
	set(t)
}

func (d *deadline) restore(set func(time.Time) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.aside = false
	set(d.caller)
}
