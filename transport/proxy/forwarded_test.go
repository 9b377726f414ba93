//go:build !js

package proxy

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRequest(t *testing.T) {
	const client = "203.0.113.7"
	tests := map[string]struct {
		header string
		values []string
		host   string // value of X-Forwarded-Host
		want   Via
	}{
		"client":                        {ForwardedFor, []string{client}, "", Via{client, ""}},
		"client with port":              {ForwardedFor, []string{client + ":80"}, "", Via{client + ":80", ""}},
		"port that is not known":        {ForwardedFor, []string{client + ":0"}, "", Via{client, ""}},
		"IPv6":                          {ForwardedFor, []string{"2001:db8::7"}, "", Via{"2001:db8::7", ""}},
		"IPv6 in brackets":              {ForwardedFor, []string{"[2001:db8::7]"}, "", Via{"2001:db8::7", ""}},
		"IPv6 with port":                {ForwardedFor, []string{"[2001:db8::7]:80"}, "", Via{"[2001:db8::7]:80", ""}},
		"IPv4 in IPv6":                  {ForwardedFor, []string{"::ffff:203.0.113.7"}, "", Via{client, ""}},
		"spoofed by the client":         {ForwardedFor, []string{"1.2.3.4, " + client}, "", Via{client, ""}},
		"spoofed in another line":       {ForwardedFor, []string{"1.2.3.4", client}, "", Via{client, ""}},
		"nonsense of the client":        {ForwardedFor, []string{"'; drop table--, " + client}, "", Via{client, ""}},
		"behind two proxies":            {ForwardedFor, []string{"1.2.3.4," + client + ", 10.0.0.9"}, "", Via{client, ""}},
		"behind two proxies, two lines": {ForwardedFor, []string{"1.2.3.4," + client, "10.0.0.9"}, "", Via{client, ""}},
		"inside of the network":         {ForwardedFor, []string{"10.0.0.8, 10.0.0.9"}, "", Via{"10.0.0.8", ""}},
		"empty elements":                {ForwardedFor, []string{"1.2.3.4,, " + client + " ,\t,"}, "", Via{client, ""}},
		"unknown":                       {ForwardedFor, []string{"unknown"}, "", Via{}},
		"unknown behind a proxy":        {ForwardedFor, []string{"1.2.3.4, unknown, 10.0.0.9"}, "", Via{"10.0.0.9", ""}},
		"nothing":                       {ForwardedFor, []string{""}, "", Via{}},
		"host":                          {ForwardedFor, []string{client}, "chat.example.com", Via{client, "chat.example.com"}},
		"hosts":                         {ForwardedFor, []string{client}, "chat.example.com, inner:8080", Via{client, "chat.example.com"}},
		"real IP":                       {RealIP, []string{client}, "", Via{client, ""}},
		"real IP and host":              {RealIP, []string{client}, "chat.example.com", Via{client, "chat.example.com"}},

		"RFC":                          {Forwarded, []string{"for=" + client}, "", Via{client, ""}},
		"RFC, all of it":               {Forwarded, []string{`For="` + client + `:80" ; proto=https;by=10.0.0.9;host="chat.example.com:8443"`}, "", Via{client + ":80", "chat.example.com:8443"}},
		"RFC, IPv6":                    {Forwarded, []string{`for="[2001:db8::7]:80"`}, "", Via{"[2001:db8::7]:80", ""}},
		"RFC, IPv6 without port":       {Forwarded, []string{`FOR="[2001:db8::7]"`}, "", Via{"2001:db8::7", ""}},
		"RFC, hidden port":             {Forwarded, []string{`for="` + client + `:_x"`}, "", Via{client, ""}},
		"RFC, hidden":                  {Forwarded, []string{"for=_gazonk"}, "", Via{}},
		"RFC, unknown":                 {Forwarded, []string{`for=unknown;host=a`}, "", Via{"", "a"}},
		"RFC, spoofed":                 {Forwarded, []string{"for=1.2.3.4;host=evil, for=" + client + ";host=good"}, "", Via{client, "good"}},
		"RFC, spoofed in a string":     {Forwarded, []string{`for="1.2.3.4, for=5.6.7.8", for=` + client}, "", Via{client, ""}},
		"RFC, two lines":               {Forwarded, []string{"for=1.2.3.4", "for=" + client, "for=10.0.0.9;host=inner"}, "", Via{client, ""}},
		"RFC, escaped":                 {Forwarded, []string{`host="a\"b\\";for=` + client}, "", Via{client, `a"b\`}},
		"RFC, no client":               {Forwarded, []string{"proto=https"}, "", Via{}},
		"RFC, nothing":                 {Forwarded, []string{" , ,"}, "", Via{}},
		"RFC, port without quotes":     {Forwarded, []string{"for=" + client + ":80"}, "", Via{client + ":80", ""}},
		"RFC, other header's host":     {Forwarded, []string{"for=" + client}, "evil", Via{client, ""}},
		"RFC, far away nonsense":       {Forwarded, []string{"for=nonsense, for=" + client}, "", Via{client, ""}},
		"RFC, as many as there may be": {Forwarded, []string{strings.Repeat("for=1.2.3.4,", 500) + "for=" + client}, "", Via{client, ""}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			h := http.Header{tc.header: tc.values}
			if tc.host != "" {
				h.Set("X-Forwarded-Host", tc.host)
			}
			got, ok, err := trust(t, "10.0.0.0/8").Request(h, tc.header)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, tc.want, got)
		})
	}
	_, ok, err := trust(t, "10.0.0.0/8").Request(http.Header{ForwardedFor: {client}}, Forwarded)
	require.NoError(t, err)
	require.False(t, ok, "another header does not count")
}

func TestRequestRefuses(t *testing.T) {
	tests := map[string]struct {
		header string
		values []string
	}{
		"name":                   {ForwardedFor, []string{"localhost"}},
		"empty port":             {ForwardedFor, []string{"203.0.113.7:"}},
		"large port":             {ForwardedFor, []string{"203.0.113.7:65536"}},
		"bracket":                {ForwardedFor, []string{"[2001:db8::7"}},
		"IPv4 in brackets":       {ForwardedFor, []string{"[203.0.113.7]:80"}},
		"endless":                {ForwardedFor, []string{strings.Repeat("10.0.0.9,", 5000)}},
		"endless in lines":       {ForwardedFor, strings.Split(strings.Repeat("10.0.0.9,", 5000), ",")},
		"two real IPs":           {RealIP, []string{"1.2.3.4", "203.0.113.7"}},
		"list of real IPs":       {RealIP, []string{"1.2.3.4 203.0.113.7"}},
		"RFC, open string":       {Forwarded, []string{`for="1.2.3.4, for=203.0.113.7`}},
		"RFC, string that opens": {Forwarded, []string{`for=1.2.3.4;x=", for="[2001:db8::7]"`}},
		"RFC, string and more":   {Forwarded, []string{`for="1.2.3.4"x`}},
		"RFC, no value":          {Forwarded, []string{"for="}},
		"RFC, no pair":           {Forwarded, []string{"203.0.113.7"}},
		"RFC, twice":             {Forwarded, []string{"for=1.2.3.4;for=203.0.113.7"}},
		"RFC, IPv6 bare":         {Forwarded, []string{"for=2001:db8::7"}},
		"RFC, name":              {Forwarded, []string{"for=localhost"}},
		"RFC, endless":           {Forwarded, []string{strings.Repeat("for=10.0.0.9,", 3000)}},
		"RFC, ends in escape":    {Forwarded, []string{`for="1.2.3.4\`}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			v, ok, err := trust(t, "10.0.0.0/8").Request(http.Header{tc.header: tc.values}, tc.header)
			require.ErrorIs(t, err, ErrMalformed)
			require.True(t, ok)
			require.Equal(t, Via{}, v)
		})
	}
}

func TestCheckHeader(t *testing.T) {
	for in, want := range map[string]string{
		"": ForwardedFor, "x-forwarded-for": ForwardedFor, "Forwarded": Forwarded, "X-Real-IP": RealIP,
	} {
		got, err := CheckHeader(in)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	_, err := CheckHeader("X-Forwarded")
	require.ErrorContains(t, err, `"X-Forwarded"`)
}

func FuzzRequest(f *testing.F) {
	f.Add("1.2.3.4, 203.0.113.7", "10.0.0.9")
	f.Add(`for="[2001:db8::7]:80";host=a, for=_x`, `for=unknown`)
	f.Add(`for="\"`, `, for=1.2.3.4`)
	f.Fuzz(func(t *testing.T, a, b string) {
		tr := trust(t, "10.0.0.0/8", "::1")
		for _, name := range []string{ForwardedFor, Forwarded, RealIP} {
			v, ok, err := tr.Request(http.Header{name: {a, b}}, name)
			require.True(t, ok)
			if err != nil {
				require.Equal(t, Via{}, v)
				continue
			}
			if v.Client != "" {
				_, isAddr := parseHost(v.Client)
				require.True(t, isAddr, "%q", v.Client)
			}
			// The line that a trusted proxy adds counts, whatever lines come before it.
			if name == ForwardedFor {
				v, _, err = tr.Request(http.Header{name: {a, b, "203.0.113.7"}}, name)
				require.NoError(t, err)
				require.Equal(t, "203.0.113.7", v.Client)
			}
		}
	})
}
