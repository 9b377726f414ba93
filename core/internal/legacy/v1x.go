package legacy

// v1x is releases 1.0 to 1.2: they add a few frames to 0.0.2. A client counts as one of 0.0.2 until it sends such a frame.
// A server of 1.x ends the stream itself when a client says that it leaves.
type v1x struct{ spaced }

func (v1x) traits() traits { return traits{form: 1, parting: AfterIt} }
