//go:build !js

package socket

import (
	"net"
	"strconv"
	"sync/atomic"
)

// lastNumber makes addresses differ that the system does not tell apart.
var lastNumber atomic.Uint64

// Numbered returns name with a number that no other has.
func Numbered(name string) string {
	return name + "#" + strconv.FormatUint(lastNumber.Add(1), 10)
}

// RemoteAddr is the address of an accepted peer as text. Clients of a Unix socket have no address,
// or one of their own choice, so that each gets a number, as in "unix:#7"; those of media whose
// addresses are all the same too.
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

// LocalAddr is any other address as text.
func LocalAddr(a net.Addr) string {
	raw := RawAddr(a)
	switch {
	case IsUnix(a) && raw == "@": // how Linux shows one without a name
		return "unix:"
	case IsUnix(a):
		return "unix:" + raw
	}
	return raw
}

// RawAddr is what the address itself says, which may be nil.
func RawAddr(a net.Addr) string {
	if a == nil {
		return ""
	}
	return a.String()
}

// IsUnix tells the addresses of Unix sockets.
func IsUnix(a net.Addr) bool {
	_, ok := a.(*net.UnixAddr)
	return ok
}
