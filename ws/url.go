package ws

// A target is what a dialer reads from its URL, the same natively and in a browser.
type target struct {
	secure bool
	host   string // with the port, if the URL has one
}

// transport is the name for [transport.Info].
func (t target) transport() string {
	if t.secure {
		return "wss"
	}
	return "ws"
}
