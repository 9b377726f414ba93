//go:build !js

package ws

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

// An admission decides which requests may connect. It does not change.
type admission struct {
	origins   map[string]bool
	rules     []originRule
	listed    bool // Options.Origins is not empty: only the listed origins are let in
	anyOrigin bool // "*" is listed
	self      bool // "self" is listed
	ask       func(r *http.Request, origin string) bool
	hosts     map[string]bool // if it is empty every Host is allowed, but see ownHost
}

// newAdmission returns the admission for the options. It fails for an entry that is no origin or host, because
// such an entry could never match.
func newAdmission(o *Options) (admission, error) {
	a := admission{origins: map[string]bool{}, hosts: map[string]bool{}, ask: o.AllowOrigin, listed: len(o.Origins) > 0}
	for _, s := range o.Origins {
		switch s {
		case "*":
			a.anyOrigin = true
			continue
		case "self":
			a.self = true
			continue
		}
		origin, ok := parseOrigin(s)
		if ok || s == "null" {
			a.origins[origin.String()] = true
			continue
		}
		rule, err := parseRule(s)
		if err != nil {
			return a, fmt.Errorf("ws: option Origins: %w", err)
		}
		a.rules = append(a.rules, rule)
	}
	for _, s := range o.Hosts {
		name, port, ok := splitAuthority(s)
		if !ok {
			return a, fmt.Errorf("ws: option Hosts: %q is no host such as \"example.com\" or \"example.com:8443\"", s)
		}
		a.hosts[joinAuthority(name, port)] = true
	}
	return a, nil
}

// check returns why r is refused, or nil.
func (a admission) check(r *http.Request, from visitor) *RejectError {
	host := from.hostOf(r)
	name, port, ok := splitAuthority(host)
	if len(a.hosts) > 0 && !(ok && (a.hosts[name] || a.hosts[joinAuthority(name, port)])) {
		return forbidden("host " + quoted(host) + " is not one of this server's")
	}
	headers := r.Header.Values("Origin")
	switch {
	case len(headers) == 0:
		return nil // not a browser
	case len(headers) > 1:
		return forbidden("there are several Origin headers")
	case a.anyOrigin:
		return nil
	}
	origin, ok := parseOrigin(headers[0])
	if !ok && headers[0] != "null" {
		return forbidden("origin " + quoted(headers[0]) + " is malformed")
	}
	if a.lists(origin) {
		return nil
	}
	var why *RejectError
	if !a.listed || a.self {
		why = a.ownHost(r, from, origin)
	} else {
		why = foreign("origin " + quoted(origin.String()) + " is not allowed")
	}
	if why != nil && a.ask != nil && a.ask(r, origin.String()) {
		return nil
	}
	return why
}

func (a admission) lists(o origin) bool {
	if a.origins[o.String()] {
		return true
	}
	for _, r := range a.rules {
		if r.matches(o) {
			return true
		}
	}
	return false
}

// ownHost lets in pages of the host to which the request is sent. It returns why other pages are refused.
//
// That alone would not stop a page whose owner lets its name resolve to the visitor's
// own machine (DNS rebinding). So on a loopback address the name must be a name that
// nobody else can own, or a listed host, or a trusted proxy must
// have passed the request on: a page cannot send the header of a proxy.
func (a admission) ownHost(r *http.Request, from visitor, origin origin) *RejectError {
	host := from.hostOf(r)
	name, port, ok := splitAuthority(host)
	if port == "" {
		port = defaultPort(origin.scheme)
		if r.TLS != nil {
			port = "443"
		}
	}
	web := origin.scheme == "http" || origin.scheme == "https"
	if !ok || !web || origin.name != name || origin.port != port {
		return foreign("origin " + quoted(origin.String()) + " is not of this host " + quoted(host))
	}
	if len(a.hosts) == 0 && !from.relayed && onLoopback(r) && !local(name) {
		return foreign("host " + quoted(host) + " on a loopback address: the server must list the origin in Origins, or its proxy in Proxies")
	}
	return nil
}

// onLoopback reports whether the request came to a loopback address, or may have come to one.
func onLoopback(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return true
	}
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// local reports whether name is an IP address or a name of localhost, which nobody can make resolve to another
// address.
func local(name string) bool {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil
}

// An origin has the parts of "scheme://host[:port]". The zero origin is "null", the origin of a
// page without one.
type origin struct{ scheme, name, port string }

func (o origin) String() string {
	if o.scheme == "" {
		return "null"
	}
	if o.port == defaultPort(o.scheme) {
		return o.scheme + "://" + o.name
	}
	return o.scheme + "://" + joinAuthority(o.name, o.port)
}

// parseOrigin reads an origin in the form in which browsers send it: without a user, a path or a
// trailing slash. It fills in the default port of http and https.
func parseOrigin(s string) (origin, bool) {
	scheme, authority, ok := strings.Cut(strings.ToLower(s), "://")
	if !ok || scheme == "" || strings.Trim(scheme, "abcdefghijklmnopqrstuvwxyz0123456789+-.") != "" {
		return origin{}, false
	}
	name, port, ok := splitAuthority(authority)
	if !ok {
		return origin{}, false
	}
	if port == "" {
		port = defaultPort(scheme)
	}
	return origin{scheme, name, port}, true
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}

func joinAuthority(name, port string) string {
	if port == "" {
		return name
	}
	return name + ":" + port
}

// quoted returns the part of a header that may be in a log: the first 96 bytes, without a query, quoted.
func quoted(s string) string {
	s, _, _ = strings.Cut(s, "?")
	return strconv.Quote(short(s, 96))
}

// short returns s, or its first most bytes and "…" if it is longer.
func short(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
