//go:build !js

package admit

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAddrOf(t *testing.T) {
	same := map[string][]string{
		"IPv4 by address":       {"10.1.2.3:1", "10.1.2.3:2"},
		"IPv4 mapped into IPv6": {"10.1.2.3:1", "[::ffff:10.1.2.3]:2"},
		"IPv6 by its half":      {"[2001:db8::1]:1", "[2001:db8::2]:2", "[2001:db8:0:0:ffff::3]:3"},
		"IPv6 with a zone":      {"[fe80::1%eth0]:1", "[fe80::2%eth1]:2"},
		"IPv4 without a port":   {"10.1.2.3:1", "10.1.2.3", "::ffff:10.1.2.3"},
		"IPv6 without a port":   {"[2001:db8::1]:1", "2001:db8::2"},
		"Unix":                  {"unix:#1", "unix:#2", "unix:/run/a:b#3", "unix:@c:d#4"},
		"no IP address":         {"pipe:1", "pipe:2"},
		"no address":            {"", ""},
	}
	for name, addrs := range same {
		t.Run(name, func(t *testing.T) {
			for _, a := range addrs {
				require.Equal(t, AddrOf(addrs[0]), AddrOf(a))
			}
		})
	}
	many := map[string]bool{
		"10.1.2.3:1": false, "[2001:db8::1]:1": false, "127.0.0.1:1": true, "127.9.9.9:1": true,
		"[::ffff:127.0.0.1]:1": true, "[::1]:1": true, "pipe:1": true, "": true,
	}
	for a, want := range many {
		require.Equal(t, want, AddrOf(a).Many, a)
	}
	require.NotEqual(t, AddrOf("10.1.2.3:1"), AddrOf("10.1.2.4:1"))
	require.NotEqual(t, AddrOf("[2001:db8::1]:1"), AddrOf("[2001:db8:0:1::1]:1"))
}
