//go:build !js

package ws

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// request returns a handshake that came to the address local. The address is unknown if local is nil.
func request(host string, local net.Addr, secure bool, origins ...string) *http.Request {
	r := &http.Request{Method: http.MethodGet, Host: host, Header: http.Header{}}
	for _, o := range origins {
		r.Header.Add("Origin", o)
	}
	if secure {
		r.TLS = &tls.ConnectionState{}
	}
	if local == nil {
		return r
	}
	return r.WithContext(context.WithValue(context.Background(), http.LocalAddrContextKey, local))
}

var (
	public   = &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 443}
	loopback = &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 8080}
)

// Only pages of the same host and of the listed origins may connect. The library's patterns have
// traps: *example.com matches evil-example.com.
func TestOrigins(t *testing.T) {
	tests := map[string]struct {
		origins []string
		host    string
		secure  bool
		origin  []string
		ok      bool
	}{
		"no origin":                    {host: "example.com", ok: true},
		"no origin with a list":        {origins: []string{"https://example.com"}, host: "x", ok: true},
		"own host":                     {host: "example.com", origin: []string{"http://example.com"}, ok: true},
		"own host over a TLS proxy":    {host: "example.com", origin: []string{"https://example.com"}, ok: true},
		"own host over TLS":            {host: "example.com", secure: true, origin: []string{"https://example.com"}, ok: true},
		"own host in other case":       {host: "Example.COM", origin: []string{"HTTP://exAmple.com"}, ok: true},
		"own host with default port":   {host: "example.com:443", secure: true, origin: []string{"https://example.com"}, ok: true},
		"own host and port":            {host: "example.com:8080", origin: []string{"http://example.com:8080"}, ok: true},
		"own IPv6 address":             {host: "[2001:db8::1]:8080", origin: []string{"http://[2001:db8::1]:8080"}, ok: true},
		"unencrypted page, TLS server": {host: "example.com", secure: true, origin: []string{"http://example.com"}},
		"other port":                   {host: "example.com:8080", origin: []string{"http://example.com:8081"}},
		"port against none":            {host: "example.com", origin: []string{"http://example.com:8080"}},
		"none against port":            {host: "example.com:8080", origin: []string{"http://example.com"}},
		"other IPv6 address":           {host: "[2001:db8::1]", origin: []string{"http://[2001:db8::2]"}},
		"longer name":                  {host: "example.com", origin: []string{"http://evil-example.com"}},
		"subdomain":                    {host: "example.com", origin: []string{"http://evil.example.com"}},
		"own name as subdomain":        {host: "example.com", origin: []string{"http://example.com.evil.com"}},
		"own name as user":             {host: "example.com", origin: []string{"http://example.com@evil.com"}},
		"user at own host":             {host: "example.com", origin: []string{"http://evil.com@example.com"}},
		"own name in path":             {host: "example.com", origin: []string{"http://evil.com/example.com"}},
		"trailing dot":                 {host: "example.com", origin: []string{"http://example.com."}},
		"path":                         {host: "example.com", origin: []string{"http://example.com/"}},
		"query":                        {host: "example.com", origin: []string{"http://example.com?x"}},
		"fragment":                     {host: "example.com", origin: []string{"http://example.com#x"}},
		"backslash":                    {host: "example.com", origin: []string{`http://example.com\.evil.com`}},
		"tab":                          {host: "example.com", origin: []string{"http://example.com\t"}},
		"no scheme":                    {host: "example.com", origin: []string{"example.com"}},
		"other scheme":                 {host: "example.com", origin: []string{"ftp://example.com"}},
		"file":                         {host: "example.com", origin: []string{"file://"}},
		"null":                         {host: "example.com", origin: []string{"null"}},
		"empty":                        {host: "example.com", origin: []string{""}},
		"own host twice":               {host: "example.com", origin: []string{"http://example.com", "http://example.com"}},
		"malformed host":               {host: "exa mple.com", origin: []string{"http://exa mple.com"}},
		"listed":                       {origins: []string{"https://a.com", "https://b.com:8443"}, host: "x", origin: []string{"https://b.com:8443"}, ok: true},
		"listed with default port":     {origins: []string{"https://a.com:443"}, host: "x", origin: []string{"https://a.com"}, ok: true},
		"listed in other case":         {origins: []string{"https://A.com"}, host: "x", origin: []string{"https://a.com"}, ok: true},
		"not listed":                   {origins: []string{"https://a.com"}, host: "x", origin: []string{"https://evil-a.com"}},
		"listed with another port":     {origins: []string{"https://a.com"}, host: "x", origin: []string{"https://a.com:8443"}},
		"listed with another scheme":   {origins: []string{"https://a.com"}, host: "x", origin: []string{"http://a.com"}},
		"own host, others listed":      {origins: []string{"https://a.com"}, host: "example.com", origin: []string{"http://example.com"}},
		"null, others listed":          {origins: []string{"https://a.com"}, host: "x", origin: []string{"null"}},
		"null listed":                  {origins: []string{"null"}, host: "x", origin: []string{"null"}, ok: true},
		"malformed, null listed":       {origins: []string{"null"}, host: "x", origin: []string{"nonsense"}},
		"extension listed":             {origins: []string{"chrome-extension://abcdef"}, host: "x", origin: []string{"chrome-extension://abcdef"}, ok: true},
		"below a name":                 {origins: []string{"https://*.a.com"}, host: "x", origin: []string{"https://b.a.com"}, ok: true},
		"far below a name":             {origins: []string{"https://*.a.com"}, host: "x", origin: []string{"https://c.b.a.com"}, ok: true},
		"below a name, other case":     {origins: []string{"https://*.A.com"}, host: "x", origin: []string{"https://B.a.com"}, ok: true},
		"not below but it":             {origins: []string{"https://*.a.com"}, host: "x", origin: []string{"https://a.com"}},
		"ends like a name":             {origins: []string{"https://*.a.com"}, host: "x", origin: []string{"https://evila.com"}},
		"begins like a name":           {origins: []string{"https://*.a.com"}, host: "x", origin: []string{"https://b.a.com.evil.com"}},
		"below, another scheme":        {origins: []string{"https://*.a.com"}, host: "x", origin: []string{"http://b.a.com"}},
		"below, another port":          {origins: []string{"https://*.a.com"}, host: "x", origin: []string{"https://b.a.com:8443"}},
		"below, the port listed":       {origins: []string{"https://*.a.com:8443"}, host: "x", origin: []string{"https://b.a.com:8443"}, ok: true},
		"below, any port":              {origins: []string{"https://*.a.com:*"}, host: "x", origin: []string{"https://b.a.com:8443"}, ok: true},
		"empty label below":            {origins: []string{"https://*.a.com"}, host: "x", origin: []string{"https://.a.com"}},
		"empty label in between":       {origins: []string{"https://*.a.com"}, host: "x", origin: []string{"https://b..a.com"}},
		"wildcard itself":              {origins: []string{"https://*.a.com"}, host: "x", origin: []string{"https://*.a.com"}},
		"below localhost":              {origins: []string{"http://*.localhost:*"}, host: "x", origin: []string{"http://b.localhost:5173"}, ok: true},
		"any port":                     {origins: []string{"http://localhost:*"}, host: "x", origin: []string{"http://localhost:5173"}, ok: true},
		"any port, the default":        {origins: []string{"http://localhost:*"}, host: "x", origin: []string{"http://localhost"}, ok: true},
		"any port, another name":       {origins: []string{"http://localhost:*"}, host: "x", origin: []string{"http://localhost.evil.com:80"}},
		"any port of IPv6":             {origins: []string{"http://[::1]:*"}, host: "x", origin: []string{"http://[::1]:5173"}, ok: true},
		"self":                         {origins: []string{"self", "https://a.com"}, host: "example.com", origin: []string{"http://example.com"}, ok: true},
		"self and listed":              {origins: []string{"self", "https://a.com"}, host: "example.com", origin: []string{"https://a.com"}, ok: true},
		"self and another":             {origins: []string{"self", "https://a.com"}, host: "example.com", origin: []string{"https://b.com"}},
		"any":                          {origins: []string{"*"}, host: "x", origin: []string{"https://anywhere.com"}, ok: true},
		"null, any":                    {origins: []string{"*"}, host: "x", origin: []string{"null"}, ok: true},
		"two, any":                     {origins: []string{"*"}, host: "x", origin: []string{"https://a.com", "https://b.com"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			err := newTestAdmission(tc.origins, nil).check(request(tc.host, public, tc.secure, tc.origin...), visitor{})
			requireAdmitted(t, tc.ok, err)
		})
	}
}

func requireAdmitted(t *testing.T, ok bool, err *RejectError) {
	t.Helper()
	if ok {
		require.Nil(t, err)
		return
	}
	require.NotNil(t, err, "let in")
	require.Equal(t, http.StatusForbidden, err.Status)
	require.NotContains(t, err.Reason, "\t", "control characters are quoted")
}

func TestHosts(t *testing.T) {
	tests := map[string]struct {
		hosts  []string
		host   string
		local  net.Addr
		origin bool // the page is of the same host
		ok     bool
	}{
		"any on a public address":       {host: "example.com", local: public, origin: true, ok: true},
		"any without a browser":         {host: "example.com", local: loopback, ok: true},
		"name on loopback":              {host: "evil.com:8080", local: loopback, origin: true},
		"name on an unknown address":    {host: "evil.com:8080", origin: true},
		"name that ends in localhost":   {host: "evillocalhost", local: loopback, origin: true},
		"name that begins so":           {host: "localhost.evil.com", local: loopback, origin: true},
		"localhost on loopback":         {host: "localhost:8080", local: loopback, origin: true, ok: true},
		"below localhost":               {host: "chat.localhost", local: loopback, origin: true, ok: true},
		"address on loopback":           {host: "127.0.0.1:8080", local: loopback, origin: true, ok: true},
		"IPv6 address on loopback":      {host: "[::1]:8080", local: loopback, origin: true, ok: true},
		"not TCP":                       {host: "example.com", local: &net.UnixAddr{Name: "/run/x"}, origin: true, ok: true},
		"listed on loopback":            {hosts: []string{"example.com"}, host: "example.com", local: loopback, origin: true, ok: true},
		"listed for every port":         {hosts: []string{"example.com"}, host: "EXAMPLE.com:8080", local: public, ok: true},
		"listed with port":              {hosts: []string{"example.com:8443"}, host: "example.com:8443", local: public, ok: true},
		"listed with another port":      {hosts: []string{"example.com:8443"}, host: "example.com", local: public},
		"not listed":                    {hosts: []string{"example.com"}, host: "evil-example.com", local: public},
		"not listed, without a browser": {hosts: []string{"example.com"}, host: "localhost", local: loopback},
		"empty":                         {hosts: []string{"example.com"}, host: "", local: public},
		"malformed":                     {hosts: []string{"example.com"}, host: "example.com:x", local: public},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := request(tc.host, tc.local, false)
			if tc.origin {
				r.Header.Set("Origin", "http://"+tc.host)
			}
			requireAdmitted(t, tc.ok, newTestAdmission(nil, tc.hosts).check(r, visitor{}))
		})
	}
}

func TestListedOriginsAreSafeOnLoopback(t *testing.T) {
	a := newTestAdmission([]string{"https://example.com"}, nil)
	requireAdmitted(t, true, a.check(request("backend:8080", loopback, false, "https://example.com"), visitor{}))
	requireAdmitted(t, false, a.check(request("evil.com:8080", loopback, false, "http://evil.com:8080"), visitor{}))
}

func TestNewListenerRefusesRulesThatNeverMatch(t *testing.T) {
	for name, opts := range map[string]Options{
		"origin without scheme":   {Origins: []string{"example.com"}},
		"origin with slash":       {Origins: []string{"https://example.com/"}},
		"wildcard inside a label": {Origins: []string{"https://*example.com"}},
		"wildcard in the middle":  {Origins: []string{"https://a.*.example.com"}},
		"wildcard for all names":  {Origins: []string{"https://*"}},
		"wildcard of a top level": {Origins: []string{"https://*.com"}},
		"wildcard of no label":    {Origins: []string{"https://*..example.com"}},
		"wildcard twice":          {Origins: []string{"https://*.*.example.com"}},
		"wildcard of an address":  {Origins: []string{"https://*.0.0.1"}},
		"wildcard of IPv6":        {Origins: []string{"https://*.[::1]"}},
		"wildcard with a dot":     {Origins: []string{"https://*.example.com."}},
		"wildcard for a scheme":   {Origins: []string{"*://example.com"}},
		"wildcard in a port":      {Origins: []string{"https://example.com:8*"}},
		"wildcard with a slash":   {Origins: []string{"https://*.example.com/"}},
		"proxy by name":           {Proxies: []string{"localhost"}},
		"another header":          {ProxyHeader: "X-Client"},
		"negative buffer":         {SendBuffer: -1},
		"negative unsent":         {UnsentBytes: -1},
		"empty origin":            {Origins: []string{""}},
		"host with scheme":        {Hosts: []string{"https://example.com"}},
		"host pattern":            {Hosts: []string{"*"}},
		"host with bad port":      {Hosts: []string{"example.com:99999"}},
		"address with a bad end":  {Hosts: []string{"[::1"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewListener(&opts)
			require.ErrorContains(t, err, "ws: option ")
		})
	}
}

// AllowOrigin decides about the pages that the rules do not let in, and about no others.
func TestAllowOrigin(t *testing.T) {
	var asked []string
	a, err := newAdmission(&Options{Origins: []string{"https://a.com"}, Hosts: []string{"x"}, AllowOrigin: func(r *http.Request, origin string) bool {
		asked = append(asked, origin)
		return r.Host == "x" && origin == "https://b.com"
	}})
	require.NoError(t, err)
	for origin, ok := range map[string]bool{
		"https://a.com": true, "https://B.com": true, "https://c.com": false, "null": false, "https://b.com/": false,
	} {
		requireAdmitted(t, ok, a.check(request("x", public, false, origin), visitor{}))
	}
	requireAdmitted(t, false, a.check(request("y", public, false, "https://b.com"), visitor{}))
	requireAdmitted(t, true, a.check(request("x", public, false), visitor{}))
	require.ElementsMatch(t, []string{"https://b.com", "https://c.com", "null"}, asked)
}

// Behind a proxy the pages of the public host may connect without being listed, and so may pages
// of localhost in development. No page can pretend to come through the proxy.
func TestOriginsBehindAProxy(t *testing.T) {
	l := newTestListener(&Options{Proxies: []string{"127.0.0.1", "10.0.0.0/8"}})
	tests := map[string]struct {
		peer, host, origin string
		header             map[string]string
		ok                 bool
	}{
		"host passed on":          {"127.0.0.1:9", "chat.example.com", "https://chat.example.com", map[string]string{"X-Forwarded-For": "203.0.113.7"}, true},
		"host in a header":        {"127.0.0.1:9", "127.0.0.1:8080", "https://chat.example.com", map[string]string{"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": "chat.example.com"}, true},
		"another page":            {"127.0.0.1:9", "chat.example.com", "https://evil.example", map[string]string{"X-Forwarded-For": "203.0.113.7"}, false},
		"another host":            {"127.0.0.1:9", "evil.example", "https://evil.example", map[string]string{"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": "chat.example.com"}, false},
		"localhost":               {"127.0.0.1:9", "localhost:8080", "http://localhost:8080", nil, true},
		"rebinding":               {"127.0.0.1:9", "evil.example:8080", "http://evil.example:8080", nil, false},
		"header of somebody":      {"192.0.2.9:9", "127.0.0.1:8080", "https://chat.example.com", map[string]string{"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Host": "chat.example.com"}, false},
		"rebinding with a header": {"192.0.2.9:9", "evil.example:8080", "http://evil.example:8080", map[string]string{"X-Forwarded-For": "203.0.113.7"}, false},
		"host without a client":   {"127.0.0.1:9", "127.0.0.1:8080", "https://chat.example.com", map[string]string{"X-Forwarded-Host": "chat.example.com"}, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			r := request(tc.host, loopback, false, tc.origin)
			r.RemoteAddr = tc.peer
			for k, v := range tc.header {
				r.Header.Set(k, v)
			}
			from, err := l.visitorOf(r)
			require.Nil(t, err)
			requireAdmitted(t, tc.ok, l.admit.check(r, from))
		})
	}
}
