package classic

import (
	"strconv"
	"strings"

	"github.com/hisock/hisock/core/wire"
)

// RecordCommand is the name of the command with which a server sends a client of 2.x or 3.0a the record for which the
// client has asked. While it waits, the client takes any command for the answer. No handler can have this name.
const RecordCommand = "record$1$"

// noRecord is the answer to a request for the record of a client that does not exist.
const noRecord = `{"traceback": "$NOEXIST$"}`

// AppendRecord appends the frame that answers a request of a client of 1.x with the record p. If p is nil, the frame says
// that there is no such client.
func AppendRecord(dst []byte, headerLen int, p *Presence) []byte {
	if p == nil {
		return appendText(dst, headerLen, noRecord)
	}
	var room [256]byte
	return AppendFrame(dst, headerLen, append(p.appendObject(room[:0]), '}'))
}

// AppendRecordPlain is [AppendRecord] for a client of 2.x, which waits for a command. A server of the original sends an
// answer that its own client drops.
func AppendRecordPlain(dst []byte, headerLen int, p *Presence) []byte {
	b := append(make([]byte, 0, 256), markCommand+RecordCommand+markBody...)
	if p == nil {
		b = append(b, noRecord...)
	} else {
		b = append(p.appendObject(b), '}')
	}
	return AppendFrame(dst, headerLen, b)
}

// AppendRecordTyped is [AppendRecord] for a client of 3.0a. The answer is a command whose body is a map. An absent name
// or group is an empty text in the map, since a map has no null. A server of the original answers with JSON without a
// header, which its own client cannot read.
func AppendRecordTyped(dst []byte, headerLen int, p *Presence) []byte {
	var w bodyWriter
	text := func(s string) { w.leaf('s', []byte(s)) }
	w.begin('d')
	if p == nil {
		text("traceback")
		text("$NOEXIST$")
	} else {
		text("ip")
		w.begin('l')
		text(p.IP)
		w.leaf('i', strconv.AppendInt(nil, int64(p.Port), 10))
		w.end('l')
		text("name")
		text(strings.ToValidUTF8(p.Name.Text, "\ufffd"))
		text("group")
		text(strings.ToValidUTF8(p.Group.Text, "\ufffd"))
		text("ipstr")
		text(p.ipstr())
	}
	w.end('d')
	b := append(make([]byte, 0, 256), markCommand+RecordCommand+markBody...)
	return AppendFrame(dst, headerLen, w.appendTo(b))
}

// ParseRecord parses the JSON with which a server of any release answers a request for the record of a client. If there
// is no such client, ok is false and err is nil, not [wire.CodeUnknownClient]. Every error is a *[wire.Error]. If the
// server could not answer, it is [wire.CodeInternal] with the server's reason.
func ParseRecord(text []byte) (p Presence, ok bool, err error) {
	no := [...]field{{key: "traceback"}}
	if parseObject(text, no[:]) == "" {
		if no[0].value[0] != '"' {
			return Presence{}, false, fault(wire.CodeProtocol, "record", "a traceback that is no text")
		}
		if said := unquote(no[0].value); said != "$NOEXIST$" {
			return Presence{}, false, fault(wire.CodeInternal, "record", "the server says "+quote(said))
		}
		return Presence{}, false, nil
	}
	p, err = parsePresence("record", text)
	return p, err == nil, err
}
