//go:build !lockorder

package lock

import "sync"

// A Mutex is a [sync.Mutex] with a place in the order of locking. Its zero value is unlocked. It must
// not be copied.
type Mutex[P Place] struct{ sync.Mutex }

// An RWMutex is a [sync.RWMutex] with a place in the order of locking. Its zero value is unlocked. It must
// not be copied.
type RWMutex[P Place] struct{ sync.RWMutex }

// MustHoldNone does nothing in this build. With the tag lockorder it panics if the goroutine holds a lock.
func MustHoldNone() {}
