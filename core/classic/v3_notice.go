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

// IsHelloTyped says whether the payload of the first frame is a hello of 3.0a, or
// of a release from 2.0 on: its marker has no space behind it.
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

// AppendConnectedTyped is [AppendConnected] as 3.0a writes it. There the newcomer
// gets it, too.
func AppendConnectedTyped(dst []byte, headerLen int, p Presence) []byte {
	return p.appendTyped(dst, headerLen, markConnected)
}

// AppendDisconnectedTyped is [AppendDisconnected] as 3.0a writes it.
func AppendDisconnectedTyped(dst []byte, headerLen int, p Presence) []byte {
	return p.appendTyped(dst, headerLen, markDisconnected)
}

// AppendRecord appends the frame that answers a client of 3.0a that asked for the
// record of another. The original forgets the header.
func AppendRecord(dst []byte, headerLen int, p Presence) []byte {
	return p.appendTyped(dst, headerLen, "")
}

// AppendNoRecord appends the frame that answers that there is no such client.
func AppendNoRecord(dst []byte, headerLen int) []byte {
	return appendText(dst, headerLen, `{"traceback": "$NOEXIST$"}`)
}

func (p *Presence) appendTyped(dst []byte, headerLen int, mark string) []byte {
	var room [256]byte // most notices do without an allocation
	b := append(room[:0], mark...)
	b = append(p.appendObject(b), `, "ipstr": `...)
	host := p.IP
	if strings.IndexByte(host, ':') >= 0 {
		host = "[" + host + "]"
	}
	b = appendQuoted(b, host+":"+strconv.Itoa(p.Port))
	return AppendFrame(dst, headerLen, append(b, '}'))
}
