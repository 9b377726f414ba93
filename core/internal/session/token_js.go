package session

// No server runs in a browser, and what makes tokens would cost every page.
func NewToken() []byte           { return nil }
func SameToken(_, _ []byte) bool { return false }
func RandomNumber() uint64       { return 0 }
