package legacy

import (
	"github.com/hisock/hisock/core/internal/classic"
)

// v30a is release 3.0a: it has markers, and a command says which kind of value it carries.
type v30a struct{ marked }

func (v30a) traits() traits {
	return traits{form: 3, greets: true, whole: true, alive: true, leaves: true, delays: true}
}

func (v30a) next(b []byte, headerLen, max int, fromServer bool) (payload []byte, size int, ok bool, err error) {
	if fromServer {
		return classic.NextBare(b, headerLen, max)
	}
	return classic.Next(b, headerLen, max)
}

func (v30a) appendNotice(dst []byte, headerLen int, who Presence, came bool) []byte {
	if came {
		return classic.AppendConnectedTyped(dst, headerLen, who)
	}
	return classic.AppendDisconnectedTyped(dst, headerLen, who)
}

func (v30a) appendRecord(dst []byte, headerLen int, of *Presence) []byte {
	return classic.AppendRecordTyped(dst, headerLen, of)
}

func (v30a) encode(p *Peer, o *Outgoing) ([]byte, error) {
	return classic.AppendTyped(markedFrame(p, o), p.headerLen, o.Command, o.As, o.Payload)
}

func (v30a) kind(payload []byte, fromClient bool) (classic.Kind, []byte) {
	return classic.KindOf(payload, fromClient)
}

func (v30a) split(payload []byte) (name, body []byte) { return classic.SplitTyped(payload) }

func (v30a) content(body []byte, max int) (content []byte, v Value, err error) {
	if len(body) == 0 {
		return nil, ValueNone, nil
	}
	v = values[classic.BodyKind(body)]
	if max < 1 {
		max = 1 // zero would mean no limit
	}
	content, _, err = classic.ParseBody(body, max)
	return content, v, err
}

// values maps the letter in a body's format to the kind of value.
var values = map[byte]Value{
	'b': ValueBytes, 's': ValueText, 'i': ValueInteger, 'f': ValueFloat, 'l': ValueList, 't': ValueTuple, 'd': ValueMap, 0: ValueNone,
}

func (v v30a) route(p *Peer, payload []byte) Event                { return routeMarked(p, v, payload) }
func (v v30a) parse(p *Peer, payload []byte) Message              { return parseMarked(p, v, payload) }
func (v v30a) sent(p *Peer, payload []byte) (o Outgoing, ok bool) { return sentMarked(p, v, payload) }
