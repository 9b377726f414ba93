package legacy

// v002 is release 0.0.2. It has no frame that says that a client leaves or is disconnected.
type v002 struct{ spaced }

func (v002) traits() traits { return traits{form: 1, mute: true, parting: ByReset} }
