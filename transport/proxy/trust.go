//go:build !js

package proxy

import (
	"fmt"
	"net/netip"
)

// A Trust is the set of addresses of trusted proxies. The zero Trust is empty. A Trust does not change and is
// safe for concurrent use.
type Trust struct {
	prefixes []netip.Prefix
	unix     bool
}

// ParseTrust reads a list of addresses ("192.0.2.1", "2001:db8::1"), networks
// ("10.0.0.0/8"), and "unix", which stands for all peers of a Unix socket.
func ParseTrust(list []string) (Trust, error) {
	var t Trust
	for _, s := range list {
		if s == "unix" {
			t.unix = true
			continue
		}
		p, err := parsePrefix(s)
		if err != nil {
			return Trust{}, err
		}
		t.prefixes = append(t.prefixes, p)
	}
	return t, nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		return p, fmt.Errorf("%q is no proxy's address or network such as \"10.0.0.0/8\"", s)
	case p.Addr().Is4In6():
		return p, fmt.Errorf("the network %q of proxies has to be written as one of IPv4", s)
	case p != p.Masked():
		return p, fmt.Errorf("the network %q of proxies has bits behind its prefix: is %q meant?", s, p.Masked())
	}
	return p, nil
}

// Empty reports whether no peer is trusted.
func (t Trust) Empty() bool { return len(t.prefixes) == 0 && !t.unix }

// Holds reports whether a peer is trusted. If isUnix is true, the peer has connected through a Unix
// socket and remote does not count. Otherwise remote is "host:port" or only the host.
func (t Trust) Holds(remote string, isUnix bool) bool {
	if isUnix {
		return t.unix
	}
	a, ok := parseHost(remote)
	return ok && t.holds(a)
}

func (t Trust) holds(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range t.prefixes {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

func parseHost(s string) (netip.Addr, bool) {
	if at, err := netip.ParseAddrPort(s); err == nil {
		return at.Addr(), true
	}
	a, err := netip.ParseAddr(s)
	return a, err == nil
}
