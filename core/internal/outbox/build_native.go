//go:build !js

package outbox

// See build_js.go.
const (
	browser      = false
	hasDroppable = true
	hasBudget    = true
)
