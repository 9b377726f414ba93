//go:build !js

package tcp

import (
	"errors"
	"net"
	"net/netip"
)

// LocalIP returns an address by which other machines of the local network are likely to
// reach this one: the first that is neither loopback nor link-local, IPv4 before IPv6. It
// asks only this machine, and fails if it has no such address.
func LocalIP() (netip.Addr, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, err
	}
	return firstLocal(addrs)
}

func firstLocal(addrs []net.Addr) (netip.Addr, error) {
	var found netip.Addr
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		ip := prefix.Addr().Unmap()
		if err != nil || ip.IsLoopback() || !ip.IsGlobalUnicast() {
			continue
		}
		if ip.Is4() {
			return ip, nil
		}
		if !found.IsValid() {
			found = ip
		}
	}
	if !found.IsValid() {
		return netip.Addr{}, errors.New("tcp: this machine has no address but loopback")
	}
	return found, nil
}
