//go:build !js

package ws

import (
	"net/url"
	"strings"
)

// address returns "host:port".
func (t target) address() string {
	if strings.LastIndexByte(t.host, ':') > strings.LastIndexByte(t.host, ']') {
		return t.host
	}
	if t.secure {
		return t.host + ":443"
	}
	return t.host + ":80"
}

// parseURL reads a URL. Its rules for the host are stricter than the rules of package net/url. Its error is a
// [*URLError].
func parseURL(url string) (target, error) {
	scheme, rest, ok := strings.Cut(url, "://")
	t := target{secure: strings.EqualFold(scheme, "wss")}
	if !ok || !t.secure && !strings.EqualFold(scheme, "ws") {
		return target{}, &URLError{url, "the scheme is not ws:// or wss://"}
	}
	for _, c := range []byte(url) {
		if c <= ' ' || c == 0x7f {
			return target{}, &URLError{url, "it holds a space or a control character"}
		}
	}
	if strings.Contains(url, "#") {
		return target{}, &URLError{url, "it holds a fragment"}
	}
	t.host = rest
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		t.host = rest[:i]
	}
	if i := strings.LastIndexByte(t.host, '@'); i >= 0 {
		hidden := scheme + "://…" + rest[i:]
		return target{}, &URLError{hidden, "it holds a user or password: send them in a header"}
	}
	plain, zone, ok := cutZone(t.host)
	name, port, fits := splitAuthority(plain)
	if !ok || !fits {
		return target{}, &URLError{url, "the host is missing or malformed"}
	}
	t.host = name
	if zone != "" {
		t.host = strings.TrimSuffix(name, "]") + "%" + zone + "]"
	}
	if port != "" {
		t.host += ":" + port
	}
	return t, nil
}

// cutZone splits a host such as "[fe80::1%25eth0]:80" into the host without a zone and the zone. The zone is the
// interface of this machine through which the address is reached. "%eth0", which other programs accept, is
// accepted too.
func cutZone(host string) (plain, zone string, ok bool) {
	before, after, found := strings.Cut(host, "%")
	if !found || !strings.HasPrefix(before, "[") || strings.Contains(before, "]") {
		return host, "", true
	}
	zone, behind, found := strings.Cut(after, "]")
	zone, err := url.PathUnescape(strings.TrimPrefix(zone, "25"))
	if !found || err != nil || zone == "" || strings.ContainsFunc(zone, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("[]%/", r) }) {
		return "", "", false
	}
	return before + "]" + behind, zone, true
}

// withoutZone returns a URL that parseURL has accepted, without the zone: a zone means nothing to the server.
func withoutZone(url string) string {
	scheme, rest, _ := strings.Cut(url, "://")
	end := len(rest)
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		end = i
	}
	plain, _, _ := cutZone(rest[:end])
	return scheme + "://" + plain + rest[end:]
}

// splitAuthority splits "host[:port]". It returns the name in lower case, and an IPv6
// address with its brackets. ok is false unless the host consists of characters of an ASCII name or an
// address, and the port, if there is one, is from 1 to 65535.
func splitAuthority(s string) (name, port string, ok bool) {
	name = strings.ToLower(s)
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, ']') {
		name, port = name[:i], name[i+1:]
		if !validPort(port) {
			return "", "", false
		}
	}
	inner, bracketed := strings.CutPrefix(name, "[")
	if bracketed {
		if inner, ok = strings.CutSuffix(inner, "]"); !ok {
			return "", "", false
		}
	}
	if inner == "" {
		return "", "", false
	}
	for _, c := range []byte(inner) {
		switch {
		case bracketed && (c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c == ':' || c == '.'):
		case !bracketed && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c == '-' || c == '.' || c == '_'):
		default:
			return "", "", false
		}
	}
	return name, port, true
}

func validPort(s string) bool {
	if s == "" || s[0] == '0' || len(s) > 5 {
		return false
	}
	n := 0
	for _, c := range []byte(s) {
		if c < '0' || c > '9' {
			return false
		}
		n = n*10 + int(c-'0')
	}
	return n <= 65535
}
