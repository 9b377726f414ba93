package legacy

import (
	"sync"

	"github.com/hisock/hisock/core/internal/classic"
	"github.com/hisock/hisock/core/wire"
)

// records are those at a client who wait for the record of another. Answers say of nobody whose they
// are, so they come in the order of the questions. One that nobody waits for any more takes its answer all
// the same.
type records struct {
	mu      sync.Mutex // guards the field below
	waiting []chan []byte
}

// maxRecords is how many answers a client waits for at most.
const maxRecords = 64

// AskRecord asks the server for the record of another, and returns where the answer comes, once: see [ParseRecord]. send queues
// a frame and waits for nobody.
func (p *Peer) AskRecord(who string, send func(question []byte) error) (<-chan []byte, error) {
	if p.Dialect() == V002 {
		return nil, fault(wire.CodeUnsupported, "a server of 0.0.2 has no records for its clients")
	}
	question := p.fitting(p.speaks().appendAsk(nil, p.headerLen, who))
	if question == nil {
		return nil, fault(wire.CodeTooBig, "the name does not fit the header")
	}
	r := &p.records
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) >= maxRecords {
		return nil, fault(wire.CodeTooManyCalls, "too many records are asked for")
	}
	if err := send(question); err != nil {
		return nil, err
	}
	ch := make(chan []byte, 1)
	r.waiting = append(r.waiting, ch)
	return ch, nil
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
