package stream

import "github.com/hisock/hisock/core/internal/lock"

// Stats count the items and the bytes of payload that streams have carried, and the bytes that open streams hold.
type Stats struct {
	Open int // streams that have not ended, or whose handler has not returned

	Sent          uint64 // items
	SentBytes     uint64
	Received      uint64 // items
	ReceivedBytes uint64

	Waiting int // bytes that wait to be pulled
	Held    int // received bytes that have not been taken, or are being taken
}

// add adds the counts of o.
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
		n.Held += s.heldLocked()
	}
	t.mu.Unlock()
	return n
}

// A Ledger sums the counters of many tables. The zero Ledger is ready to use, by any goroutine.
type Ledger struct {
	mu     lock.Mutex[lock.StreamLedger] // guards the fields below
	tables map[*Table]struct{}           // the tables that may still count
	past   Stats                         // the sum of the closed tables
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

// Close releases a table whose streams End has ended. It keeps the table's counts. Further calls do nothing.
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

// Stats returns the sum of all tables. Its time is in proportion to the open tables and their streams.
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
