package legacy

import (
	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// records has the channels of a client's callers that wait for the record of another client. An answer does not say which
// request it answers: answers come in the order of the requests. A request whose caller no longer waits still takes its
// answer.
type records struct {
	mu      lock.Mutex[lock.LegacyRecords] // guards the field below
	waiting []chan []byte
}

// maxRecords is the largest number of requests of a client that are not answered yet.
const maxRecords = 64

// AskRecord returns a frame that asks for the record of another client, and the channel on which the one answer arrives: see
// [ParseRecord]. Callers must send the frames in the order in which AskRecord has returned them. If a frame cannot be sent,
// the caller must call Unask before the next AskRecord.
func (p *Peer) AskRecord(who string) (question []byte, answer <-chan []byte, err error) {
	if p.Dialect() == V002 {
		return nil, nil, fault(wire.CodeUnsupported, "a server of 0.0.2 has no records for its clients")
	}
	question = p.fitting(p.speaks().appendAsk(nil, p.headerLen, who))
	if question == nil {
		return nil, nil, fault(wire.CodeTooBig, "the name does not fit the header")
	}
	r := &p.records
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) >= maxRecords {
		return nil, nil, fault(wire.CodeTooManyCalls, "too many records are asked for")
	}
	ch := make(chan []byte, 1)
	r.waiting = append(r.waiting, ch)
	return question, ch, nil
}

// Unask forgets the last request, which was not sent.
func (p *Peer) Unask() {
	r := &p.records
	r.mu.Lock()
	r.waiting = r.waiting[:len(r.waiting)-1]
	r.mu.Unlock()
}

// got gives a copy of an answer to the first caller that waits. It reports whether a caller waited.
func (r *records) got(answer []byte) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 {
		return false
	}
	r.waiting[0] <- append([]byte(nil), answer...)
	r.waiting = r.waiting[1:]
	return true
}

// ParseRecord parses an answer. It reports false if the answer says that there is no such client.
func ParseRecord(answer []byte) (who wire.Presence, ok bool, err error) {
	of, ok, err := classic.ParseRecord(answer)
	if err != nil || !ok {
		return wire.Presence{}, false, err
	}
	return shown(of), true, nil
}
