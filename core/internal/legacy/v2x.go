package legacy

import (
	"github.com/hisock/hisock/core/internal/classic"
)

// v2x is releases 2.0 to 2.0.2: they have markers, and the content of a command is text.
type v2x struct{ marked }

func (v2x) traits() traits {
	return traits{form: 2, greets: true, alive: true, leaves: true, delays: true, empties: true}
}

func (v2x) next(b []byte, headerLen, max int, _ bool) (payload []byte, size int, ok bool, err error) {
	return classic.Next(b, headerLen, max)
}

func (v2x) appendNotice(dst []byte, headerLen int, who Presence, came bool) []byte {
	if came {
		return classic.AppendConnectedPlain(dst, headerLen, who)
	}
	return classic.AppendDisconnectedPlain(dst, headerLen, who)
}

func (v2x) appendRecord(dst []byte, headerLen int, of *Presence) []byte {
	return classic.AppendRecordPlain(dst, headerLen, of)
}

func (v2x) encode(p *Peer, o *Outgoing) ([]byte, error) {
	return classic.AppendPlain(markedFrame(p, o), p.headerLen, o.Command, o.As, o.Payload)
}

func (v2x) kind(payload []byte, fromClient bool) (classic.Kind, []byte) {
	return classic.PlainKind(payload, fromClient)
}

func (v2x) split(payload []byte) (name, body []byte) { return classic.SplitPlain(payload) }

func (v2x) content(body []byte, _ int) (content []byte, v Value, err error) {
	return body, ValueUnsaid, nil
}

func (v v2x) route(p *Peer, payload []byte) Event                { return routeMarked(p, v, payload) }
func (v v2x) parse(p *Peer, payload []byte) Message              { return parseMarked(p, v, payload) }
func (v v2x) sent(p *Peer, payload []byte) (o Outgoing, ok bool) { return sentMarked(p, v, payload) }
