package legacy

import (
	"github.com/hisock/hisock/core/internal/classic"
)

// unknown is a client of 2.x or of 3.0a before its first command: the hellos of both are the same. Its frames are read as
// frames of 3.0a. Messages that differ between 2.x and 3.0a are held back.
type unknown struct{ marked }

func (unknown) traits() traits {
	return traits{form: 1, greets: true, alive: true, leaves: true, delays: true}
}

func (unknown) next(b []byte, headerLen, max int, _ bool) (payload []byte, size int, ok bool, err error) {
	return classic.Next(b, headerLen, max)
}

// appendNotice uses the form that clients of all releases understand.
func (unknown) appendNotice(dst []byte, headerLen int, who Presence, came bool) []byte {
	return spaced{}.appendNotice(dst, headerLen, who, came)
}

// appendRecord uses the form of 3.0a. A client of 2.x reports an error for it, but a client of 3.0a would end if it got the
// form of 2.x.
func (unknown) appendRecord(dst []byte, headerLen int, of *Presence) []byte {
	return classic.AppendRecordTyped(dst, headerLen, of)
}

func (unknown) encode(p *Peer, o *Outgoing) ([]byte, error) { return v2x{}.encode(p, o) }

func (unknown) kind(payload []byte, fromClient bool) (classic.Kind, []byte) {
	return v30a{}.kind(payload, fromClient)
}

func (unknown) split(payload []byte) (name, body []byte) { return v30a{}.split(payload) }

func (unknown) content(body []byte, max int) (content []byte, v Value, err error) {
	return v30a{}.content(body, max)
}

func (v unknown) route(p *Peer, payload []byte) Event   { return routeMarked(p, v, payload) }
func (v unknown) parse(p *Peer, payload []byte) Message { return parseMarked(p, v, payload) }
func (v unknown) sent(p *Peer, payload []byte) (o Outgoing, ok bool) {
	return sentMarked(p, v, payload)
}
