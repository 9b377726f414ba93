package ws

// A target has the parts of a dialer's URL that are read on every platform.
type target struct {
	secure bool   // the scheme is wss
	host   string // with the port if the URL has one
}

// transport returns the Transport for [transport.Info].
func (t target) transport() string {
	if t.secure {
		return "wss"
	}
	return "ws"
}
