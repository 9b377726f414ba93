package legacy

import (
	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/wire"
)

// marked is the common part of the dialects with markers. Markers tell commands from other frames, there are no raw
// messages, and the hello is the same.
type marked struct{}

// A markedDialect is a dialect with markers.
type markedDialect interface {
	dialect

	// kind returns the kind of a payload, and the bytes after its marker.
	kind(payload []byte, fromClient bool) (classic.Kind, []byte)

	// split splits the payload of a command.
	split(payload []byte) (name, body []byte)
}

func (marked) appendHello(dst []byte, headerLen int, h Hello) []byte {
	return classic.AppendHelloTyped(dst, headerLen, h)
}

func (marked) appendAsk(dst []byte, headerLen int, who string) []byte {
	return classic.AppendAsk(dst, headerLen, who, false)
}

func (marked) check(p *Peer, o *Outgoing) error {
	if o.Raw {
		return fault(wire.CodeUnsupported, "hisock 2.0 and later have no raw messages")
	}
	if err := wire.ValidName(o.Command, p.maxCommand); err != nil {
		return err
	}
	return classic.CheckTyped(o.Command, p.isServer)
}

// markedFrame returns an empty slice with space for a command.
func markedFrame(p *Peer, o *Outgoing) []byte {
	const around = 64 // bytes of markers, and of a format of usual length
	return make([]byte, 0, classic.Size(p.headerLen, len(o.Command)+len(o.Payload)+around))
}

func sentMarked(p *Peer, d markedDialect, payload []byte) (o Outgoing, ok bool) {
	if kind, _ := d.kind(payload, p.isServer); kind != classic.KindCommand {
		return Outgoing{}, false
	}
	name, body := d.split(payload)
	if string(name) == classic.RecordCommand {
		return Outgoing{}, false
	}
	content, _, err := d.content(body, maxSent)
	return Outgoing{Command: string(name), Payload: content}, err == nil
}

// maxSent is the size in bytes of the longest content of a command that was sent: no frame is longer.
const maxSent = 1 << 30

func routeMarked(p *Peer, d markedDialect, payload []byte) Event {
	switch kind, _ := d.kind(payload, !p.isServer); kind {
	case classic.KindLeaving:
		return Event{Do: Left}
	case classic.KindDismissal:
		return Event{Do: Dismissed}
	case classic.KindAliveProbe:
		return Event{Say: classic.AppendAliveAnswer(nil, p.headerLen)}
	case classic.KindAliveAnswer:
		return Event{}
	case classic.KindLoose:
		return Event{Do: Raw}
	case classic.KindRecord:
		if p.records.got(payload) {
			return Event{}
		}
		if _, typed := d.(v30a); !typed {
			return Event{Do: Raw}
		}
	case classic.KindNotice:
		if other := foreignNotice(d, payload); other != 0 {
			return Event{Do: Foreign, Speaks: other}
		}
	case classic.KindCommand:
		name, body := d.split(payload)
		if p.isServer && p.gotRecord(d, name, body) {
			return Event{}
		}
		return Event{Do: Turn, Name: name, Body: body}
	}
	return Event{Do: Turn}
}

// gotRecord takes a command that is the answer of a server in Go to a request for a record. It reports whether a caller
// got the answer.
func (p *Peer) gotRecord(d markedDialect, name, body []byte) bool {
	if string(name) != classic.RecordCommand {
		return false
	}
	content, _, err := d.content(body, p.maxFrame)
	if err != nil {
		content = nil // nil is not a record either
	}
	return p.records.got(content)
}

// foreignNotice returns the dialect of a server that wrote a notice, if it is the other dialect with markers, and zero
// otherwise.
func foreignNotice(d markedDialect, payload []byte) Dialect {
	if _, _, _, err := classic.ParseNotice(payload); err != nil {
		return 0
	}
	has, spaced := classic.HasIPString(payload)
	if _, typed := d.(v30a); spaced || has == typed {
		return 0
	}
	return marksOf(!has)
}

func parseMarked(p *Peer, d markedDialect, payload []byte) Message {
	kind, rest := d.kind(payload, !p.isServer)
	switch kind {
	case classic.KindRename, classic.KindRegroup, classic.KindAsk:
		if len(rest) == 0 && kind != classic.KindAsk {
			return Message{} // the client keeps its name or group: the dialect cannot ask for none
		}
		return wish(kind, rest)
	case classic.KindNotice:
		who, came, _, err := classic.ParseNotice(payload)
		said := p.Said()
		own := !p.greeted && came && who.Name == said.Name && who.Group == said.Group
		p.greeted = true
		if own && err == nil {
			return Message{}
		}
		return notice(who, came, err)
	case classic.KindLoose:
		return Message{Is: RawMessage, Body: payload}
	case classic.KindRecord:
		return Message{Is: FaultyMessage, Why: fault(wire.CodeUnsupported, "the record of a client that nobody has asked for")}
	}
	name, body := d.split(payload)
	return Message{Is: CommandMessage, Name: name, Body: body}
}
