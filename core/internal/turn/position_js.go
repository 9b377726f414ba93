package turn

// A page handles each frame in a turn of its own, so that its reader has noted its position itself.
type places struct{}

var _ = (&Turn{}).places // which nothing here uses
