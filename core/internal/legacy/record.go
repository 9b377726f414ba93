package legacy

import (
	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/internal/lock"
	"github.com/hisock/hisock/core/wire"
)

// records are those at a client who wait for the record of another. Answers say of nobody whose they
// are, so they come in the order of the questions. One that nobody waits for any more takes its answer all
// the same.
type records struct {
	mu      lock.Mutex[lock.LegacyRecords] // guards the field below
	waiting []chan []byte
}

// maxRecords is how many answers a client waits for at most.
const maxRecords = 64

// AskRecord returns the question for the record of another, and where its answer comes, once: see [ParseRecord].
// Questions are sent in the order in which they were returned; one that cannot be sent is followed by Unask,
// before the next.
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

// Unask takes the last question back, which was not sent.
func (p *Peer) Unask() {
	r := &p.records
	r.mu.Lock()
	r.waiting = r.waiting[:len(r.waiting)-1]
	r.mu.Unlock()
}

// got hands an answer to the first who waits. It reports whether one did.
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

// ParseRecord returns what an answer says. It reports false if it says that there is nobody.
func ParseRecord(answer []byte) (who wire.Presence, ok bool, err error) {
	of, ok, err := classic.ParseRecord(answer)
	if err != nil || !ok {
		return wire.Presence{}, false, err
	}
	return shown(of), true, nil
}
