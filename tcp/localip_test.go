//go:build !js

package tcp

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLocalIP(t *testing.T) {
	tests := map[string]struct {
		have []string
		want string // empty for none
	}{
		"nothing":           {},
		"loopback only":     {have: []string{"127.0.0.1/8", "::1/128"}},
		"link-local only":   {have: []string{"169.254.3.4/16", "fe80::1/64"}},
		"IPv4":              {have: []string{"127.0.0.1/8", "192.168.1.20/24"}, want: "192.168.1.20"},
		"IPv4 before IPv6":  {have: []string{"2001:db8::5/64", "10.0.0.7/8"}, want: "10.0.0.7"},
		"IPv6 when no IPv4": {have: []string{"fe80::1/64", "2001:db8::5/64"}, want: "2001:db8::5"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			var addrs []net.Addr
			for _, s := range tc.have {
				ip, network, err := net.ParseCIDR(s)
				require.NoError(t, err)
				addrs = append(addrs, &net.IPNet{IP: ip, Mask: network.Mask})
			}
			got, err := firstLocal(addrs)
			if tc.want == "" {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tc.want, got.String())
		})
	}
	if ip, err := LocalIP(); err == nil {
		require.False(t, ip.IsLoopback())
	}
}
