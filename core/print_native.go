//go:build !js

package core

import "strconv"

// isPrint reports whether r shows in a log as what it is.
func isPrint(r rune) bool { return strconv.IsPrint(r) }
