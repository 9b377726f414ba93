//go:build !js

package proxy

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func trust(t testing.TB, list ...string) Trust {
	t.Helper()
	tr, err := ParseTrust(list)
	require.NoError(t, err)
	return tr
}

func TestTrust(t *testing.T) {
	tests := map[string]struct {
		list   []string
		remote string
		unix   bool
		want   bool
	}{
		"nobody":                {nil, "10.0.0.1:1", false, false},
		"in the network":        {[]string{"10.0.0.0/8"}, "10.255.0.1:1", false, true},
		"without a port":        {[]string{"10.0.0.0/8"}, "10.255.0.1", false, true},
		"outside":               {[]string{"10.0.0.0/8"}, "11.0.0.1:1", false, false},
		"one address":           {[]string{"10.0.0.1"}, "10.0.0.1:9", false, true},
		"the next address":      {[]string{"10.0.0.1"}, "10.0.0.2:9", false, false},
		"mapped into IPv6":      {[]string{"10.0.0.0/8"}, "[::ffff:10.0.0.1]:1", false, true},
		"listed as mapped":      {[]string{"::ffff:10.0.0.1"}, "10.0.0.1:1", false, true},
		"IPv6":                  {[]string{"fd00::/8"}, "[fd12::1]:1", false, true},
		"IPv6 with a zone":      {[]string{"fe80::/10"}, "[fe80::1%eth0]:1", false, true},
		"all of IPv4 only":      {[]string{"0.0.0.0/0"}, "[2001:db8::1]:1", false, false},
		"Unix":                  {[]string{"unix"}, "@", true, true},
		"Unix is no address":    {[]string{"0.0.0.0/0", "::/0"}, "10.0.0.1:1", true, false},
		"an address is no Unix": {[]string{"unix"}, "10.0.0.1:1", false, false},
		"no address":            {[]string{"0.0.0.0/0", "::/0"}, "@", false, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, trust(t, tc.list...).Holds(tc.remote, tc.unix))
		})
	}
	require.True(t, Trust{}.Empty())
	require.False(t, trust(t, "unix").Empty())
}

func TestParseTrustRefuses(t *testing.T) {
	for _, s := range []string{"", "localhost", "10.0.0.1:80", "10.0.0.0/33", "10.0.0.1/8", "::ffff:10.0.0.0/104", "fe80::1%eth0", "*", "10.0.0.0/8 "} {
		_, err := ParseTrust([]string{"10.0.0.1", s})
		require.Error(t, err, "%q", s)
	}
}
