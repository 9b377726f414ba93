//go:build !js

package tcp

import (
	"errors"
	"net"
	"net/netip"
)

// LocalIP returns an address at which other machines of the local network can probably
// reach this machine: the first address that is neither loopback nor link-local, IPv4 before IPv6. It
// uses no network, and fails if this machine has no such address.
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
		return netip.Addr{}, errors.New("tcp: this machine has only loopback and link-local addresses")
	}
	return found, nil
}
