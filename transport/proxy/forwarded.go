//go:build !js

package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// The headers in which a proxy names the client, as [http.Header] spells them.
const (
	ForwardedFor = "X-Forwarded-For"
	Forwarded    = "Forwarded"
	RealIP       = "X-Real-Ip"

	forwardedHost = "X-Forwarded-Host"
)

// maxHops is how many trusted proxies in a row a header may name: its length alone does not bound that.
const maxHops = 32

// CheckHeader returns the canonical form of name, the name of a header that names the client. An empty
// name means X-Forwarded-For. It fails for any other header.
func CheckHeader(name string) (string, error) {
	switch canonical := http.CanonicalHeaderKey(name); canonical {
	case "":
		return ForwardedFor, nil
	case ForwardedFor, Forwarded, RealIP:
		return canonical, nil
	}
	return "", fmt.Errorf("%q is none of the headers X-Forwarded-For, Forwarded and X-Real-IP", name)
}

// A Via has the facts that a trusted proxy says about a request.
type Via struct {
	Client string // address of the client: "host:port", or only the host; empty if the proxy does not know it
	Host   string // host for which the client has asked; empty if the proxy does not say
}

// ErrMalformed is the error of a malformed header, which no working proxy sends.
var ErrMalformed = errors.New("the header in which a proxy names the client is malformed")

// Request reads the header of a request from a trusted peer. name is the canonical name of the header.
// The header lists addresses from the client to the last proxy: Via.Client is the last address in it that is
// not trusted, or the first one if all are trusted. ok is false if the request does not have the header.
func (t Trust) Request(h http.Header, name string) (v Via, ok bool, err error) {
	values := h[name]
	if len(values) == 0 {
		return Via{}, false, nil
	}
	switch name {
	case Forwarded:
		v, err = t.forwarded(values)
		return v, true, err
	case RealIP:
		if len(values) > 1 {
			return Via{}, true, ErrMalformed
		}
	}
	if hosts := h[forwardedHost]; len(hosts) > 0 {
		first, _, _ := strings.Cut(hosts[0], ",")
		v.Host = strings.TrimSpace(first)
	}
	hops := hopsBack{values: values}
	for range maxHops {
		node, more := hops.next()
		if !more {
			return v, true, nil
		}
		client, known, err := parseNode(node, false)
		if err != nil {
			return Via{}, true, err
		}
		if !known {
			return v, true, nil
		}
		v.Client = client.String()
		if !t.holds(client.addr) {
			return v, true, nil
		}
	}
	return Via{}, true, ErrMalformed
}

// A hopsBack walks backwards through a comma-separated list in several lines.
type hopsBack struct {
	values []string // lines that it has not begun
	rest   string   // rest of the current line
	inside bool     // rest has more elements
}

func (b *hopsBack) next() (string, bool) {
	for {
		if !b.inside {
			last := len(b.values) - 1
			if last < 0 {
				return "", false
			}
			b.rest, b.values, b.inside = b.values[last], b.values[:last], true
		}
		i := strings.LastIndexByte(b.rest, ',')
		node := strings.Trim(b.rest[i+1:], " \t")
		if b.inside = i >= 0; b.inside {
			b.rest = b.rest[:i]
		}
		if node != "" {
			return node, true
		}
	}
}

// A node is an address as a proxy writes it.
type node struct {
	addr netip.Addr
	port string // empty if the proxy does not tell it
}

func (n node) String() string {
	if n.port == "" {
		return n.addr.String()
	}
	if n.addr.Is6() {
		return "[" + n.addr.String() + "]:" + n.port
	}
	return n.addr.String() + ":" + n.port
}

// parseNode reads "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]", "[2001:db8::1]:80" and, unless
// strict, "2001:db8::1". known is false for "unknown" and for names such as "_hidden".
func parseNode(s string, strict bool) (n node, known bool, err error) {
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && (strings.HasPrefix(s, "[") && i > strings.IndexByte(s, ']') || strings.Count(s, ":") == 1) {
		if host, port = s[:i], s[i+1:]; port == "" {
			return n, false, ErrMalformed
		}
	}
	if strings.EqualFold(host, "unknown") || strings.HasPrefix(host, "_") {
		return n, false, nil
	}
	inner, bracketed := strings.CutPrefix(host, "[")
	if bracketed {
		var ok bool
		if inner, ok = strings.CutSuffix(inner, "]"); !ok {
			return n, false, ErrMalformed
		}
	}
	a, err := netip.ParseAddr(inner)
	if err != nil || a.Is4() && bracketed || strict && a.Is6() && !bracketed {
		return n, false, ErrMalformed
	}
	n.addr = a.Unmap().WithZone("")
	if strings.HasPrefix(port, "_") { // RFC 7239, section 6.2
		return n, true, nil
	}
	if port != "" {
		at, err := netip.ParseAddrPort("0.0.0.0:" + port)
		if err != nil {
			return n, false, ErrMalformed
		}
		if at.Port() != 0 { // several clouds write 0 for a port that they do not know
			n.port = strings.TrimPrefix(at.String(), "0.0.0.0:")
		}
	}
	return n, true, nil
}
