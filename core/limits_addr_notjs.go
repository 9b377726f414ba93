//go:build !js

package core

import (
	"net/netip"
	"strings"
)

const defaultMaxConnsPerAddr = 1024

// addrLimits say how many connections one address may have.
type addrLimits struct {
	max int  // 0 for no limit
	all bool // also those that may stand for many
}

func newAddrLimits(o *ServerOptions) addrLimits {
	if o == nil || o.MaxConnsPerAddr == 0 {
		return addrLimits{max: defaultMaxConnsPerAddr}
	}
	return addrLimits{max: max(o.MaxConnsPerAddr, 0), all: true}
}

// An addrKey is what connections from one address have in common.
type addrKey struct {
	host   string
	counts bool // the limit is for this one
}

// keyOf returns under what a newcomer is counted: one IPv4 address, or the 64 bits of an IPv6
// address that a network gives to one customer.
func (l addrLimits) keyOf(remote string) addrKey {
	if l.max == 0 {
		return addrKey{}
	}
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		host := remote
		if i := strings.LastIndexByte(host, ':'); i >= 0 {
			host = host[:i]
		}
		return addrKey{host, l.all}
	}
	ip := at.Addr().Unmap().WithZone("")
	if ip.Is6() {
		subnet, _ := ip.Prefix(64) // it has no zone and enough bits
		return addrKey{subnet.String(), l.all || !ip.IsLoopback()}
	}
	return addrKey{ip.String(), l.all || !ip.IsLoopback()}
}
