//go:build !js

package ws

import (
	"sync"
	"time"
)

// A deadline is the program's deadline for one direction of a stream. The conn can set another one in its
// place for a moment. The argument set of its methods sets a deadline of the stream.
type deadline struct {
	mu     sync.Mutex // guards the fields below, and is held during set
	caller time.Time  // the program's deadline
	aside  bool       // another deadline is set
}

// Set sets the program's deadline.
func (d *deadline) Set(set func(time.Time) error, t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.caller = t
	if d.aside {
		return nil
	}
	return set(t)
}

// replace sets another deadline until restore, also if the program sets its own meanwhile.
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
