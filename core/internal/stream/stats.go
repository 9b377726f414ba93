package stream

import "github.com/hisock/hisock/core/internal/lock"

// Stats are what streams have carried, and what the open ones hold. Bytes are of payloads.
type Stats struct {
	Open int // streams that have not ended, or whose handler has not returned

	Sent          uint64 // items
	SentBytes     uint64
	Received      uint64 // items
	ReceivedBytes uint64

	Waiting int // bytes that wait to be pulled
	Held    int // bytes that have come: they were not taken, or are being taken
}

// add adds what o counts.
func (s *Stats) add(o *Stats) {
	s.Open += o.Open
	s.Sent += o.Sent
	s.Received += o.Received
	s.SentBytes += o.SentBytes
	s.ReceivedBytes += o.ReceivedBytes
	s.Waiting += o.Waiting
	s.Held += o.Held
}

// Stats returns the counters of the table.
func (t *Table) Stats() Stats {
	t.mu.Lock()
	n := t.carried
	n.Open = max(len(t.open), t.places)
	for _, s := range t.open {
		n.Waiting += s.waiting
		n.Held += len(s.in) + s.batched
	}
	t.mu.Unlock()
	return n
}

// A Ledger adds up the counters of many tables. The zero Ledger is ready, and any goroutine may use it.
type Ledger struct {
	mu     lock.Mutex[lock.StreamLedger] // guards the fields below
	tables map[*Table]struct{}           // that may still count
	past   Stats                         // of the other ones
}

// Add adds a table.
func (l *Ledger) Add(t *Table) {
	l.mu.Lock()
	if l.tables == nil {
		l.tables = make(map[*Table]struct{})
	}
	l.tables[t] = struct{}{}
	l.mu.Unlock()
}

// Close lets a table go that counts nothing any more, since its streams have been ended by End. More calls do nothing.
func (l *Ledger) Close(t *Table) {
	l.mu.Lock()
	if _, ok := l.tables[t]; ok {
		delete(l.tables, t)
		n := t.Stats()
		n.Open, n.Waiting, n.Held = 0, 0, 0
		l.past.add(&n)
	}
	l.mu.Unlock()
}

// Stats returns the sum. It takes time in proportion to the tables that were not closed, and to their streams.
func (l *Ledger) Stats() Stats {
	l.mu.Lock()
	sum := l.past
	for t := range l.tables {
		n := t.Stats()
		sum.add(&n)
	}
	l.mu.Unlock()
	return sum
}
