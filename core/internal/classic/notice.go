package classic

import (
	"strconv"

	"github.com/hisock/hisock/core/wire"
)

// A Presence is a server's description of a client that has come or gone, for the other clients.
type Presence struct {
	IP          string // text of the address as the server sees it
	Port        int    // 0 to 65535
	Name, Group Label
}

// AppendConnected appends the notice that a client has come. For labels and the length, see [AppendHello].
func AppendConnected(dst []byte, headerLen int, p Presence) []byte {
	return p.append(dst, headerLen, markConnected+" ")
}

// AppendDisconnected appends the notice that a client has gone.
func AppendDisconnected(dst []byte, headerLen int, p Presence) []byte {
	return p.append(dst, headerLen, markDisconnected+" ")
}

func (p *Presence) append(dst []byte, headerLen int, mark string) []byte {
	var room [256]byte // most notices need no allocation
	b := append(room[:0], mark...)
	return AppendFrame(dst, headerLen, append(p.appendObject(b), '}'))
}

// appendObject appends the JSON of the presence without its last brace.
func (p *Presence) appendObject(b []byte) []byte {
	b = append(b, `{"ip": [`...)
	b = appendQuoted(b, p.IP)
	b = append(b, ", "...)
	b = strconv.AppendInt(b, int64(p.Port), 10)
	b = append(b, `], "name": `...)
	b = appendLabel(b, p.Name)
	b = append(b, `, "group": `...)
	return appendLabel(b, p.Group)
}

// ParseNotice parses a notice of a server. came is true if the client has come, and false if it has gone. The result does
// not refer to payload, and ParseNotice allocates at most as many bytes as payload has. Labels are as in [ParseHello].
//
// If the payload does not begin with the marker of a notice, ok is false and err is nil. If it does, ok is true, and
// err is the fault of the rest, or nil: a *[wire.Error] with [wire.CodeProtocol] or [wire.CodeBadName]. Such an error
// does not end the connection, since any program with a server of the original can send such bytes. The caller tells
// its own program and goes on.
func ParseNotice(payload []byte) (p Presence, came, ok bool, err error) {
	mark := markConnected
	if !hasPrefix(payload, mark) {
		if mark = markDisconnected; !hasPrefix(payload, mark) {
			return Presence{}, false, false, nil
		}
	}
	came = mark == markConnected
	p, err = parsePresence("notice", payload[len(mark):])
	return p, came, true, err
}

// parsePresence parses the object of a notice, or of a record.
func parsePresence(what string, text []byte) (p Presence, err error) {
	fields := [...]field{{key: "ip"}, {key: "name"}, {key: "group"}}
	if why := parseObject(text, fields[:]); why != "" {
		return Presence{}, fault(wire.CodeProtocol, what+" "+quote(text), why)
	}
	var isAddr bool
	if p.IP, p.Port, isAddr = parseAddr(fields[0].value); !isAddr {
		return Presence{}, fault(wire.CodeProtocol, what+": ip "+quote(fields[0].value), "not an address and a port")
	}
	if p.Name, err = fields[1].label(what); err != nil {
		return Presence{}, err
	}
	if p.Group, err = fields[2].label(what); err != nil {
		return Presence{}, err
	}
	return p, nil
}

// parseAddr parses valid JSON that must be an array of a text and a number.
func parseAddr(value []byte) (ip string, port int, ok bool) {
	p := parser{b: value}
	if !p.take('[') {
		return "", 0, false
	}
	p.space()
	start := p.at
	if p.value(maxDepth); p.b[start] != '"' {
		return "", 0, false
	}
	ip = unquote(p.b[start:p.at])
	if p.space(); !p.take(',') {
		return "", 0, false
	}
	p.space()
	start = p.at
	p.value(maxDepth)
	n, err := strconv.ParseUint(string(p.b[start:p.at]), 10, 16)
	if p.space(); err != nil || !p.take(']') {
		return "", 0, false
	}
	return ip, int(n), true
}
