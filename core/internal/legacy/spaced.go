package legacy

import (
	"strconv"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/wire"
)

// spaced is the common part of the dialects without markers. A command's name ends at the first space of the payload, so
// that a raw message with a space looks like a command.
type spaced struct{}

func (spaced) next(b []byte, headerLen, max int, fromServer bool) (payload []byte, size int, ok bool, err error) {
	if fromServer {
		return classic.Next(b, headerLen, max)
	}
	return classic.NextWish(b, headerLen, max)
}

func (spaced) appendHello(dst []byte, headerLen int, h Hello) []byte {
	return classic.AppendHello(dst, headerLen, h)
}

func (spaced) appendNotice(dst []byte, headerLen int, who Presence, came bool) []byte {
	if came {
		return classic.AppendConnected(dst, headerLen, who)
	}
	return classic.AppendDisconnected(dst, headerLen, who)
}

func (spaced) appendAsk(dst []byte, headerLen int, who string) []byte {
	return classic.AppendAsk(dst, headerLen, who, true)
}

func (spaced) appendRecord(dst []byte, headerLen int, of *Presence) []byte {
	return classic.AppendRecord(dst, headerLen, of)
}

func (spaced) check(_ *Peer, o *Outgoing) error {
	if o.Raw {
		return classic.CheckRaw(o.Payload)
	}
	return classic.CheckCommand(o.Command)
}

func (spaced) encode(p *Peer, o *Outgoing) ([]byte, error) {
	size := len(o.Payload)
	if !o.Raw {
		size += len(o.Command) + 1
	}
	if size > classic.MaxPayload(p.headerLen) {
		return nil, fault(wire.CodeTooBig, "payload "+strconv.Itoa(size)+" B does not fit a header of "+strconv.Itoa(p.headerLen)+" B")
	}
	b := make([]byte, 0, classic.Size(p.headerLen, size))
	if o.Raw {
		return classic.AppendFrame(b, p.headerLen, o.Payload), nil
	}
	return classic.AppendCommand(b, p.headerLen, o.Command, o.Payload), nil
}

func (spaced) sent(p *Peer, payload []byte) (o Outgoing, ok bool) {
	if isNotice(payload) || !p.isServer && classic.IsNoTLS(payload) {
		return Outgoing{}, false
	}
	if k, _ := classic.SpacedKind(payload, p.isServer); k != 0 {
		return Outgoing{}, false
	}
	if name, content, ok := classic.SplitCommand(payload); ok {
		return Outgoing{Command: string(name), Payload: content}, true
	}
	return Outgoing{Raw: true, Payload: payload}, true
}

func (spaced) route(p *Peer, payload []byte) Event {
	if p.isServer {
		if d := foreignMarks(payload); d != 0 {
			return Event{Do: Foreign, Speaks: d}
		}
	}
	switch kind, _ := classic.SpacedKind(payload, !p.isServer); {
	case !p.isServer && kind == classic.KindLeaving:
		p.turn(V002, V1x)
		return Event{Do: Left}
	case !p.isServer && kind != 0:
		p.turn(V002, V1x)
		return Event{Do: Turn}
	case kind == classic.KindDismissal: // the server waits for a goodbye
		p.turn(V002, V1x)
		return Event{Do: Dismissed, Say: classic.AppendLeaving(nil, p.headerLen)}
	case kind == classic.KindRecord && p.records.got(payload):
		return Event{}
	case !p.isServer && classic.IsTLSProbe(payload):
		return Event{Say: classic.AppendNoTLS(nil, p.headerLen)}
	case p.isServer && isNotice(payload):
		return Event{Do: Turn}
	}
	name, content, _ := classic.SplitCommand(payload)
	return Event{Do: Either, Name: name, Body: content}
}

// foreignMarks returns the dialect with markers of a server that wrote the payload, or zero if the payload shows none.
func foreignMarks(payload []byte) Dialect {
	if plain, sure := classic.IsPlain(payload); sure {
		return marksOf(plain)
	}
	if _, _, ok, err := classic.ParseNotice(payload); !ok || err != nil {
		return 0
	}
	has, spaced := classic.HasIPString(payload)
	if spaced {
		return 0
	}
	return marksOf(!has)
}

func (spaced) parse(p *Peer, payload []byte) Message {
	if !p.isServer {
		if kind, rest := classic.SpacedKind(payload, true); kind != 0 {
			return wish(kind, rest)
		}
	} else if who, came, ok, err := classic.ParseNotice(payload); ok || err != nil {
		return notice(who, came, err)
	}
	name, content, _ := classic.SplitCommand(payload)
	return Message{Is: EitherMessage, Name: name, Body: content}
}

func (spaced) content(body []byte, _ int) (content []byte, v Value, err error) {
	return body, ValueUnsaid, nil
}
