//go:build lockorder

package lock

// goroutine returns what no other goroutine returns while this one runs: where the runtime keeps it.
func goroutine() uintptr
