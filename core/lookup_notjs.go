//go:build !js

package core

import (
	"net/netip"
	"strconv"
	"strings"
)

// isAddr reports whether a text can be the address of a client: "ip:port", or the name of a medium
// that has no such addresses, a colon, and a number or what Unix sockets are called.
func isAddr(text string) bool {
	if _, err := netip.ParseAddrPort(text); err == nil {
		return true
	}
	medium, n, ok := strings.Cut(text, ":")
	if !ok || medium == "" {
		return false
	}
	for _, c := range medium {
		if c < 'a' || 'z' < c {
			return false
		}
	}
	if strings.HasPrefix(n, "#") || strings.HasPrefix(n, "/") || strings.HasPrefix(n, "@") { // of a Unix socket
		return true
	}
	_, err := strconv.ParseUint(n, 10, 64)
	return err == nil
}
