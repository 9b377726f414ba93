//go:build !js

package admit

import (
	"net/netip"
	"strconv"
	"strings"
)

// AddrOf returns under what a newcomer from a remote address is counted: one IPv4 address, or the
// 64 bits of an IPv6 address that a network gives to one customer. This machine's own
// addresses, and those that are not IP addresses, may stand for many.
func AddrOf(remote string) Addr {
	ip, ok := ipOf(remote)
	switch {
	case !ok && strings.HasPrefix(remote, "unix:"):
		return Addr{Host: "unix", Many: true}
	case !ok:
		host := remote
		if i := strings.LastIndexByte(host, ':'); i >= 0 {
			host = host[:i]
		}
		return Addr{Host: host, Many: true}
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		subnet, _ := ip.Prefix(64) // it has no zone and enough bits
		return Addr{Host: subnet.String(), Many: ip.IsLoopback()}
	}
	return Addr{Host: ip.String(), Many: ip.IsLoopback()}
}

// ipOf reads "host:port", or only the host, as it comes from some proxies.
func ipOf(remote string) (netip.Addr, bool) {
	if at, err := netip.ParseAddrPort(remote); err == nil {
		return at.Addr(), true
	}
	ip, err := netip.ParseAddr(remote)
	return ip, err == nil
}

// IsAddr reports whether a text can be the address of a client: "ip:port", or the name of a medium
// that has no such addresses, a colon, and a number or what Unix sockets are called.
func IsAddr(text string) bool {
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
