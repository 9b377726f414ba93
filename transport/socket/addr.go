//go:build !js

package socket

import (
	"net"
	"strconv"
	"sync/atomic"
)

// lastNumber is the last number that Numbered has given.
var lastNumber atomic.Uint64

// Numbered returns name with a number that it gives only once, such as "unix:#7".
func Numbered(name string) string {
	return name + "#" + strconv.FormatUint(lastNumber.Add(1), 10)
}

// RemoteAddr returns the address of an accepted peer as text. The peer of a Unix socket has no address,
// or an address that it has chosen itself, so it gets a number, as in "unix:#7". A peer of a medium
// whose addresses are all the same gets a number too.
func RemoteAddr(a net.Addr) string {
	switch raw := RawAddr(a); {
	case IsUnix(a):
		return Numbered(LocalAddr(a))
	case raw == "":
		return Numbered("stream:")
	case raw == a.Network():
		return Numbered(raw + ":")
	default:
		return raw
	}
}

// LocalAddr returns the address of a listener, of this end, or of a peer that was dialled, as text.
func LocalAddr(a net.Addr) string {
	raw := RawAddr(a)
	switch {
	case IsUnix(a) && raw == "@": // Linux shows a socket without a name so
		return "unix:"
	case IsUnix(a):
		return "unix:" + raw
	}
	return raw
}

// RawAddr returns a as text, or "" if a is nil.
func RawAddr(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// IsUnix reports whether a is the address of a Unix socket.
func IsUnix(a net.Addr) bool {
	_, ok := a.(*net.UnixAddr)
	return ok
}
