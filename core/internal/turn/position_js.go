package turn

// A browser build has no positions: its reader handles each frame in a turn of its own, and notes its position itself
// before the turn.
type places struct{}

var _ = (&Turn{}).places // not used in this build
