//go:build !js

package ws

import "strconv"

// quote shows text from elsewhere in an error.
func quote(s string) string { return strconv.Quote(s) }
