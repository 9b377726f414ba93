package classic

import (
	"strconv"
	"strings"

	"github.com/hisock/hisock/core/wire"
)

// AppendHelloTyped is [AppendHello] as 3.0a writes it: without the space.
func AppendHelloTyped(dst []byte, headerLen int, h Hello) []byte {
	return appendHello(dst, headerLen, markHello, h)
}

// IsHelloTyped reports whether the payload of the first frame is a hello of 2.0 or later: no space follows its marker.
func IsHelloTyped(payload []byte) bool {
	return hasPrefix(payload, markHello) && !hasPrefix(payload[len(markHello):], " ")
}

// ParseHelloTyped is [ParseHello] for a payload that [IsHelloTyped].
func ParseHelloTyped(payload []byte) (Hello, error) {
	if !IsHelloTyped(payload) {
		return Hello{}, fault(wire.CodeProtocol, "hello "+quote(payload), "not as 3.0a writes it")
	}
	return parseHello(payload, payload[len(markHello):])
}

// AppendConnectedPlain is [AppendConnected] as 2.0.1 and 2.0.2 write it: without the space. In these releases the
// newcomer gets the notice too.
func AppendConnectedPlain(dst []byte, headerLen int, p Presence) []byte {
	return p.append(dst, headerLen, markConnected)
}

// AppendDisconnectedPlain is [AppendDisconnected] as 2.0.1 and 2.0.2 write it.
func AppendDisconnectedPlain(dst []byte, headerLen int, p Presence) []byte {
	return p.append(dst, headerLen, markDisconnected)
}

// HasIPString reports whether a notice has the key ipstr, as a server of 3.0a writes it. spaced is true if a space
// follows the marker, as in 0.0.2, 1.x and 2.0.
func HasIPString(payload []byte) (has, spaced bool) {
	mark := markConnected
	if !hasPrefix(payload, mark) {
		mark = markDisconnected
	}
	text := payload[min(len(mark), len(payload)):]
	extra := [...]field{{key: "ipstr"}}
	return parseObject(text, extra[:]) == "", hasPrefix(text, " ")
}

// AppendConnectedTyped is [AppendConnected] as 3.0a writes it. In 3.0a the newcomer gets the notice too.
func AppendConnectedTyped(dst []byte, headerLen int, p Presence) []byte {
	return p.appendTyped(dst, headerLen, markConnected)
}

// AppendDisconnectedTyped is [AppendDisconnected] as 3.0a writes it.
func AppendDisconnectedTyped(dst []byte, headerLen int, p Presence) []byte {
	return p.appendTyped(dst, headerLen, markDisconnected)
}

func (p *Presence) appendTyped(dst []byte, headerLen int, mark string) []byte {
	var room [256]byte // most notices need no allocation
	b := append(room[:0], mark...)
	b = append(p.appendObject(b), `, "ipstr": `...)
	b = appendQuoted(b, p.ipstr())
	return AppendFrame(dst, headerLen, append(b, '}'))
}

// ipstr returns address and port as one text.
func (p *Presence) ipstr() string {
	host := p.IP
	if strings.IndexByte(host, ':') >= 0 {
		host = "[" + host + "]"
	}
	return host + ":" + strconv.Itoa(p.Port)
}
