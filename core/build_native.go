//go:build !js

package core

// What only one of the two builds has is decided here and in build_js.go, which says what a browser build
// lacks. Code asks for a feature by its own switch, and for the platform by browser.
const (
	browser = false

	hasLegacy     = true // speaks the original's protocol
	hasCommands   = true // handles commands and calls that have come together in one go
	hasManual     = true // leaves it to the program when handlers run
	hasOverflow   = true // drops, replaces or waits, if a queue is full, as a policy says
	hasCrowd      = true // has many connections, and peers who mean harm: readers are fair to each other
	hasBudget     = true // counts what connections hold together, and bounds it
	hasAhead      = true // watches newcomers while they are decided about
	hasStandstill = true // finds calls that wait for each other
)

// NewServer returns a server that does not listen yet. opts may be nil, which is no error. It fails
// with an [OptionError] for each option that cannot be. A browser build has no servers.
func NewServer(opts *ServerOptions) (*Server, error) { return newServer(opts) }
