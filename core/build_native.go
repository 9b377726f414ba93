//go:build !js

package core

import "os"

// Switches of features that only one of the two builds has; build_js.go says what a browser build
// lacks. Code that depends on a feature uses its switch, and code that depends on the platform uses browser.
const (
	browser = false

	hasLegacy     = true // speaks the original's protocol
	hasCommands   = true // handles commands and calls that have come together in one go
	hasManual     = true // leaves it to the program when handlers run
	hasOverflow   = true // drops, replaces or waits, if a queue is full, as a policy says
	hasCrowd      = true // has many connections, also of hostile peers: readers are fair to each other
	hasBudget     = true // counts what all connections together hold, and bounds it
	hasAhead      = true // watches newcomers while the program decides about them
	hasStandstill = true // finds calls that wait for each other
)

// isLate reports whether err is the error of package os that a deadline has passed.
func isLate(err error) bool { return err == os.ErrDeadlineExceeded }

// NewServer returns a server that does not listen yet. opts may be nil. It fails
// with an [OptionError] for each invalid option. A browser build has no servers.
func NewServer(opts *ServerOptions) (*Server, error) { return newServer(opts) }

// A pageCall is what a call has in a browser build only: see there.
type pageCall struct{}

func (pageCall) isOfPage() bool                     { return false }
func (*Conn) answerPage(*call, []byte, *Error) bool { return false }

type pageHooks struct{}

var _ = (&handlers{}).pageHooks // for staticcheck
