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

// admission decides who may connect. It does not change.
type admission struct {
	origins   map[string]bool
	rules     []originRule
	listed    bool // some origin is: only these may
	anyOrigin bool
	self      bool // the pages of the request's own host may too
	ask       func(r *http.Request, origin string) bool
	hosts     map[string]bool // empty: see ownHost
}

// newAdmission fails for what is not an origin or a host, so that a rule that
// could never match is not mistaken for a working one.
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

// ownHost lets in the pages of the host that the request is for.
//
// That alone would not stop a page whose owner lets its name resolve to the visitor's
// own machine (DNS rebinding). So on a loopback address the name must be one that
// nobody else can own, or one of the hosts that were listed, or a trusted proxy must
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

// onLoopback is true unless the connection is known to have come another way.
func onLoopback(r *http.Request) bool {
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if !ok {
		return true
	}
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// local tells names that cannot be made to resolve to something else.
func local(name string) bool {
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil
}

// An origin is "scheme://host[:port]", taken apart. The zero origin is "null", that of a
// page that has none.
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

// parseOrigin accepts no more than browsers send: no user, no path, not even a
// trailing slash. The default port of http and https is filled in.
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

// quoted shows of a header what may be in a log: the beginning, and no query.
func quoted(s string) string {
	s, _, _ = strings.Cut(s, "?")
	return strconv.Quote(short(s, 96))
}

// short returns the beginning of s, with "…" if there is more.
func short(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
