package relay

import (
	"slices"
	"time"

	"github.com/hisock/hisock/core/internal/lock"
)

// Departures has the sessions that have moved from this node to others, and the names by which sessions of this node are known that began at
// others. A session that departs goes to one place, for good:
//
//	Depart   it is the taker's from now on, whether the taker gets it or not
//	Pack     its content can be fetched by the taker, and by nobody else
//	Got      the taker has it: the content is forgotten
//	Sweep    the content is forgotten when nobody has fetched it in time, and later where the session has gone
//
// All methods are safe for concurrent use.
type Departures struct {
	keep time.Duration // how long it is remembered where a session has gone

	mu    lock.Mutex[lock.RelayMoved] // guards the fields below
	gone  map[uint64]*departure       // by the connection's id at this node
	names map[Origin]uint64           // the ids here of connections that began elsewhere
	known map[uint64][]Origin         // the other way
	many  int                         // sessions that are remembered at most
}

// An Origin is the node and the id under which a client knows its session.
type Origin struct{ Node, Conn uint64 }

// A departure is a session that has moved.
type departure struct {
	to      Origin // the taker, and the connection's id there
	at      time.Time
	ready   chan struct{} // closed when content is final
	content []byte        // nil if it was never packed, or is forgotten
}

const (
	fetchPatience = 10 * time.Second // after which content that nobody has fetched is forgotten
	maxDepartures = 1 << 18
)

// NewDepartures returns an empty table that remembers for the time keep where a session has gone.
func NewDepartures(keep time.Duration) *Departures {
	return &Departures{keep: max(keep, fetchPatience), gone: make(map[uint64]*departure), names: make(map[Origin]uint64), known: make(map[uint64][]Origin), many: maxDepartures}
}

// MaxNames bounds the names of a session.
const MaxNames = 16

// Name notes that the client of a connection of this node may know it by other names. Beyond MaxNames the first ones count.
func (d *Departures) Name(conn uint64, as ...Origin) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, name := range as {
		if d.names[name] == conn || len(d.known[conn]) >= MaxNames {
			continue
		}
		d.names[name] = conn
		d.known[conn] = append(d.known[conn], name)
	}
}

// Names returns the names that Name was given for a connection.
func (d *Departures) Names(conn uint64) []Origin {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.known[conn])
}

// Left forgets the names of a connection that has ended, unless its session has departed.
func (d *Departures) Left(conn uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone[conn] == nil {
		d.forgetLocked(conn)
	}
}

func (d *Departures) forgetLocked(conn uint64) {
	for _, name := range d.known[conn] {
		if d.names[name] == conn {
			delete(d.names, name)
		}
	}
	delete(d.known, conn)
}

// Conn returns the id here of a connection that began elsewhere.
func (d *Departures) Conn(as Origin) (conn uint64, ok bool) {
	d.mu.Lock()
	conn, ok = d.names[as]
	d.mu.Unlock()
	return conn, ok
}

// Depart notes that a session is the taker's from now on. It reports false if it has gone before, or if too many have gone.
func (d *Departures) Depart(conn uint64, to Origin, now time.Time) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.gone[conn] != nil || len(d.gone) >= d.many {
		return false
	}
	d.gone[conn] = &departure{to: to, at: now, ready: make(chan struct{})}
	return true
}

// Pack sets the content of a session that has departed. Nil says that there will be none.
func (d *Departures) Pack(conn uint64, content []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if of := d.gone[conn]; of != nil {
		of.content = content
		close(of.ready)
	}
}

// Where returns where a session has gone.
func (d *Departures) Where(conn uint64) (to Origin, gone bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if of := d.gone[conn]; of != nil {
		return of.to, true
	}
	return to, false
}

// Ready returns a channel that is closed when the content of a session can be fetched, or there will be none. It is nil if the session has not gone to that place.
func (d *Departures) Ready(conn uint64, to Origin) <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if of := d.gone[conn]; of != nil && of.to == to {
		return of.ready
	}
	return nil
}

// Content returns the content of a session, for the place that it has gone to, or nil.
func (d *Departures) Content(conn uint64, to Origin) []byte {
	d.mu.Lock()
	defer d.mu.Unlock()
	if of := d.gone[conn]; of != nil && of.to == to {
		return of.content
	}
	return nil
}

// Got forgets the content of a session, which the taker has.
func (d *Departures) Got(conn uint64, to Origin) (known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	of := d.gone[conn]
	if of == nil || of.to != to {
		return false
	}
	of.content = nil
	return true
}

// Pending returns how many sessions have departed whose takers may still want their content.
func (d *Departures) Pending() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, of := range d.gone {
		select {
		case <-of.ready:
			if of.content != nil {
				n++
			}
		default:
			n++
		}
	}
	return n
}

// Sweep forgets what is too old, and returns how many sessions nobody has fetched.
func (d *Departures) Sweep(now time.Time) (lost int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for conn, of := range d.gone {
		age := now.Sub(of.at)
		if of.content != nil && age >= fetchPatience {
			of.content = nil
			lost++
		}
		if age >= d.keep {
			delete(d.gone, conn)
			d.forgetLocked(conn)
		}
	}
	return lost
}
