package core

import "github.com/hisock/hisock/core/wire"

// No server runs in a browser, and what makes tokens would cost every page.
func newSession(uint64, *wire.Hello) session { return session{} }
func randomNumber() uint64                   { return 0 }
func sameToken(_, _ []byte) bool             { return false }
