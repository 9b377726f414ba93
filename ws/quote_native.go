//go:build !js

package ws

import "strconv"

// quote returns foreign text for an error, quoted.
func quote(s string) string { return strconv.Quote(s) }
