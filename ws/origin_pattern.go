//go:build !js

package ws

import (
	"fmt"
	"net/netip"
	"strings"
)

// An originRule is an origin with a wildcard: "https://*.example.com" or "http://localhost:*".
type originRule struct {
	scheme string
	name   string // with a leading dot if it stands for all names below it
	port   string // empty if it stands for all ports
}

func (r originRule) matches(o origin) bool {
	if r.scheme != o.scheme || r.port != "" && r.port != o.port {
		return false
	}
	if below, ok := strings.CutSuffix(o.name, r.name); ok && r.name[0] == '.' {
		return below != "" && below[len(below)-1] != '.'
	}
	return r.name == o.name
}

// parseRule reads an origin with a wildcard in place of the first labels of the name, of the port,
// or of both. A wildcard for the names below a top-level domain is refused, because these names have many owners.
func parseRule(s string) (originRule, error) {
	pattern := s
	anyPort := false
	if pattern, anyPort = strings.CutSuffix(pattern, ":*"); anyPort {
		pattern += ":1"
	}
	scheme, authority, _ := strings.Cut(pattern, "://")
	base, anyName := strings.CutPrefix(authority, "*.")
	o, ok := parseOrigin(scheme + "://" + base)
	if !ok || !anyName && !anyPort {
		return originRule{}, fmt.Errorf("%q is no origin such as \"https://example.com:8443\", \"https://*.example.com\" or \"http://localhost:*\"", s)
	}
	r := originRule(o)
	if anyPort {
		r.port = ""
	}
	if !anyName {
		return r, nil
	}
	last := o.name[strings.LastIndexByte(o.name, '.')+1:]
	_, err := netip.ParseAddr(strings.Trim(o.name, "[]"))
	if err == nil || last == "" || o.name[0] == '.' || last == o.name && o.name != "localhost" || last[0] >= '0' && last[0] <= '9' {
		return originRule{}, fmt.Errorf("%q lets in the names below %q, which have many owners", s, o.name)
	}
	r.name = "." + r.name
	return r, nil
}
