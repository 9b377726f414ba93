//go:build !js

package ws

import (
	"errors"
	"strings"
)

const (
	extensionsHeader = "Sec-Websocket-Extensions" // in its canonical form

	deflateName = "permessage-deflate"

	// offer is what a dialer offers. It does not offer to bound the window of its compressor (client_max_window_bits),
	// because package compress/flate has no such setting.
	offer = deflateName + "; server_no_context_takeover; client_no_context_takeover"

	// maxExtensions is how many extensions of a header are looked at.
	maxExtensions = 16
)

// The parameters of permessage-deflate (RFC 7692, section 7.1).
const (
	serverNoTakeover = iota
	clientNoTakeover
	serverBits
	clientBits
	parameters // how many there are
)

var parameterNames = [parameters]string{
	"server_no_context_takeover", "client_no_context_takeover", "server_max_window_bits", "client_max_window_bits",
}

// An extension is one element of Sec-WebSocket-Extensions (RFC 6455, section 9.1).
type extension struct {
	name string

	// Of permessage-deflate.
	has     [parameters]bool
	bits    [parameters]int // values of the parameters about windows; 0 for a parameter without a value
	invalid bool            // a parameter is unknown, comes twice, or has a value that it must not have
}

// answerOffers returns the value of the answer's header for the offers of a client: the first offer that can be
// accepted. The answer is empty if there is none (RFC 7692, section 5.1). ok is false if the header is malformed.
func answerOffers(lines []string) (answer string, ok bool) {
	list, ok := parseExtensions(lines)
	for _, e := range list {
		if e.name != deflateName || e.invalid {
			continue
		}
		switch {
		case !e.has[serverBits]:
			return offer, ok
		case e.bits[serverBits] == 15: // package compress/flate has no smaller window
			return offer + "; server_max_window_bits=15", ok
		}
	}
	return "", ok
}

// readAgreement reads the answer of a server to the offer of this package (RFC 7692, section 7.1). It reports whether
// messages may be compressed.
func readAgreement(lines []string) (compressed bool, err error) {
	list, ok := parseExtensions(lines)
	switch {
	case !ok:
		return false, errors.New("malformed " + extensionsHeader)
	case len(list) == 0:
		return false, nil
	case len(list) > 1 || list[0].name != deflateName:
		return false, errors.New("the server agrees to an extension that was not offered")
	case list[0].invalid || list[0].has[clientBits] || list[0].has[serverBits] && list[0].bits[serverBits] == 0:
		return false, errors.New("the server agrees to compression with parameters that are invalid or were not offered")
	case !list[0].has[serverNoTakeover]:
		return false, errors.New("the server agrees to compression without server_no_context_takeover, which the offer asks for")
	}
	return true, nil
}

// parseExtensions reads the values of a header. It returns the first maxExtensions extensions. ok is false if the header is
// malformed.
func parseExtensions(lines []string) (list []extension, ok bool) {
	for _, line := range lines {
		in := scanner(line)
		for in.space(); in != ""; in.space() {
			if in.takes(',') { // empty elements of a list are allowed
				continue
			}
			e, ok := in.extension()
			if !ok {
				return nil, false
			}
			if len(list) < maxExtensions {
				list = append(list, e)
			}
			if in.space(); in != "" && !in.takes(',') {
				return nil, false
			}
		}
	}
	return list, true
}

// A scanner is the rest of a header's value.
type scanner string

func (in *scanner) space() { *in = scanner(strings.TrimLeft(string(*in), " \t")) }

// takes reports whether c comes next, and takes it.
func (in *scanner) takes(c byte) bool {
	if len(*in) == 0 || (*in)[0] != c {
		return false
	}
	*in = (*in)[1:]
	return true
}

// extension takes a name and its parameters.
func (in *scanner) extension() (e extension, ok bool) {
	if e.name = in.token(); e.name == "" {
		return e, false
	}
	for in.space(); in.takes(';'); in.space() {
		in.space()
		name := in.token()
		if name == "" {
			return e, false
		}
		value, hasValue := "", false
		if in.space(); in.takes('=') {
			if in.space(); len(*in) > 0 && (*in)[0] == '"' {
				value = in.quoted()
			} else {
				value = in.token()
			}
			if hasValue = true; value == "" {
				return e, false
			}
		}
		e.add(name, value, hasValue)
	}
	return e, true
}

func (e *extension) add(name, value string, hasValue bool) {
	for i, known := range parameterNames {
		if name != known {
			continue
		}
		bits, valid := 0, !hasValue && i != serverBits
		if hasValue && (i == serverBits || i == clientBits) {
			bits, valid = windowBits(value)
		}
		e.invalid = e.invalid || e.has[i] || !valid
		e.has[i], e.bits[i] = true, bits
		return
	}
	e.invalid = true
}

// windowBits reads the logarithm of a window's size: 8 to 15, without a leading zero.
func windowBits(value string) (bits int, ok bool) {
	switch {
	case len(value) == 1 && value[0] >= '8' && value[0] <= '9':
		return int(value[0] - '0'), true
	case len(value) == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '5':
		return 10 + int(value[1]-'0'), true
	}
	return 0, false
}

// token takes a token of HTTP. It returns an empty string if there is none.
func (in *scanner) token() string {
	n := 0
	for n < len(*in) && isTokenByte((*in)[n]) {
		n++
	}
	token := (*in)[:n]
	*in = (*in)[n:]
	return string(token)
}

// quoted takes a quoted string. It returns the string without its quotes, which must be a token, and an empty string
// otherwise.
func (in *scanner) quoted() string {
	var value []byte
	for i := 1; i < len(*in); i++ {
		c := (*in)[i]
		if c == '"' {
			*in = (*in)[i+1:]
			return string(value)
		}
		if c == '\\' {
			if i++; i == len(*in) {
				return ""
			}
			c = (*in)[i]
		}
		if !isTokenByte(c) {
			return ""
		}
		value = append(value, c)
	}
	return ""
}

func isTokenByte(c byte) bool {
	return c > ' ' && c < 0x7f && !strings.ContainsRune("()<>@,;:\\\"/[]?={}", rune(c))
}
