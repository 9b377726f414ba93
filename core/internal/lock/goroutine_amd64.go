//go:build lockorder

package lock

// goroutine returns an id of this goroutine, the address at which the runtime keeps it. No other goroutine has the same
// id while this one runs.
func goroutine() uintptr
