//go:build !linux && !js

package ready

// A sleeper is nothing here: only Linux lets a [Reader] sleep.
type sleeper struct{}

// Sleep reports false.
func (*Reader) Sleep(func()) bool { return false }

// Wake does nothing.
func (*Reader) Wake() {}

// Bound does nothing.
func (*Reader) Bound(bool) {}

// Close does nothing.
func (*Reader) Close() {}
