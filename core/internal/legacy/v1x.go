package legacy

// v1x are releases 1.0 to 1.2: 0.0.2 with a few messages more. A client is taken for one of 0.0.2 until it writes
// one of these, and a server of 1.x, which is told that a client leaves, ends the stream itself.
type v1x struct{ spaced }

func (v1x) traits() traits { return traits{form: 1, parting: AfterIt} }
