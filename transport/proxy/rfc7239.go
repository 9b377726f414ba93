//go:build !js

package proxy

import "strings"

// forwarded is [Trust.Request] for the header of RFC 7239. The whole header must be well formed. Otherwise
// a client could send the beginning of a quoted string, and the text that a proxy adds to the line would be
// hidden in that string.
func (t Trust) forwarded(values []string) (Via, error) {
	var last [maxHops]hop // the last hops: hop i is at i%maxHops
	n := 0                // hops in the header
	for _, v := range values {
		for rest := v; ; {
			h, more, err := parseHop(rest)
			if err != nil {
				return Via{}, err
			}
			if h != (hop{}) {
				last[n%maxHops] = h
				n++
			}
			if more == "" {
				break
			}
			rest = more[1:]
		}
	}
	var via Via
	for i := n - 1; i >= 0 && i >= n-maxHops; i-- {
		h := last[i%maxHops]
		via.Host = h.host
		if h.from == "" {
			return via, nil
		}
		client, known, err := parseNode(h.from, true)
		switch {
		case err != nil:
			return Via{}, err
		case !known:
			return via, nil
		}
		via.Client = client.String()
		if !t.holds(client.addr) {
			return via, nil
		}
	}
	if n > maxHops {
		return Via{}, ErrMalformed
	}
	return via, nil
}

// A hop is one element of the header, which one proxy has added.
type hop struct{ from, host string }

// parseHop reads one element. more begins with the comma after it, or is empty.
func parseHop(s string) (h hop, more string, err error) {
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] == ',' {
			return h, s, nil
		}
		if s[0] == ';' {
			s = s[1:]
			continue
		}
		i := 0
		for i < len(s) && isToken(s[i]) {
			i++
		}
		if i == 0 || i == len(s) || s[i] != '=' {
			return h, "", ErrMalformed
		}
		name := s[:i]
		var value string
		if value, s, err = parseValue(s[i+1:]); err != nil {
			return h, "", err
		}
		var to *string
		switch {
		case strings.EqualFold(name, "for"):
			to = &h.from
		case strings.EqualFold(name, "host"):
			to = &h.host
		default:
			continue
		}
		if *to != "" || value == "" { // RFC 7239, section 4: at most once in an element
			return h, "", ErrMalformed
		}
		*to = value
	}
}

// parseValue reads a token or a quoted string, up to the end of its pair.
func parseValue(s string) (value, rest string, err error) {
	if !strings.HasPrefix(s, `"`) {
		i := 0
		for i < len(s) && (isToken(s[i]) || s[i] == ':') { // many proxies write a port without quotes
			i++
		}
		value, rest = s[:i], s[i:]
	} else {
		var b strings.Builder
		i := 1
		for ; i < len(s) && s[i] != '"'; i++ {
			if s[i] == '\\' {
				i++
			}
			if i < len(s) {
				b.WriteByte(s[i])
			}
		}
		if i >= len(s) {
			return "", "", ErrMalformed
		}
		value, rest = b.String(), s[i+1:]
	}
	rest = strings.TrimLeft(rest, " \t")
	if rest != "" && rest[0] != ';' && rest[0] != ',' {
		return "", "", ErrMalformed
	}
	return value, rest, nil
}

// isToken reports whether c may be in a token (RFC 9110, section 5.6.2).
func isToken(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0
}
