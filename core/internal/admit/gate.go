// Package admit decides who has an admission slot at a server: who is about to say hello, whom the
// program decides about, whose connection is there, and whose waits to be resumed. It counts
// them in all and by address, and says who makes room when there is none: that is a [Gate]. What the program
// decides about a newcomer, and until when, is a [Decision].
//
// It knows neither streams nor connections: who makes room is returned, and it is the caller
// who ends that one, without a lock. The lock of a Gate is taken last.
package admit

import "github.com/hisock/hisock/core/internal/lock"

// A State is where the owner of a slot is.
//
//	Greeting → Deciding   Ask, if there is room
//	         → Resuming   Resume, with the token of a session
//	Resuming → Deciding   Ask, if the session does not go on
//	Deciding → Linked     Join, if there is room
//	Linked   → Waiting    Suspend
//	Waiting  → Linked     Relink
//	         → Left       Leave
//	any      → Gone       Free, or to make room
//
// and from each of the first three to Refused by Refuse.
type State uint8

const (
	Greeting State = iota // has not said hello
	Refused               // is being told why it is not let in
	Resuming              // has shown the token of a session, which it goes on with
	Deciding              // the program decides whether it may join
	Linked                // has joined; its connection has a stream, or has ended and is not over
	Waiting               // its connection has no stream and may be resumed
	Left                  // its connection has ended while it waited, and is not over
	Gone                  // has no slot
)

// Limits say how many there may be. Zero means without limit.
type Limits struct {
	Conns        int  // Deciding, Linked and Left; and with them Waiting
	ConnsPerAddr int  // of one address
	ConnsOfMany  bool // also of one that may stand for many

	Greeting        int  // Greeting and Refused; and as many Deciding
	GreetingPerAddr int  // of one address
	GreetingOfMany  bool // also of one that may stand for many
}

// An Addr is what newcomers from one address have in common.
type Addr struct {
	Host string
	Many bool // it may stand for many, such as a proxy

	// Proxy says that it is the address of a proxy that has yet to say for whom it speaks. No
	// limit of one address holds for it.
	Proxy bool
}

// A Refusal says why there is no slot.
type Refusal uint8

const (
	None     Refusal = iota
	Full             // too many connections
	AddrFull         // too many connections of this address
	Busy             // too many are decided about
	AddrBusy         // too many of this address are decided about
	MadeRoom         // the slot was given to another
)

// A Slot is the admission slot of one newcomer, and then of its connection.
type Slot struct {
	owner any // what Enter or Join was given

	// Guarded by Gate.mu.
	state      State
	at         *site
	prev, next *Slot  // in the line of its site
	in         *crowd // whose line that is; nil for none
	session    *Slot  // of one that is Resuming
	resumer    *Slot  // the one that is Resuming and goes on with this
}

// Owner returns what the last of [Gate.Enter] and [Gate.Join] was given for the slot. It is for
// a slot that has made room.
func (p *Slot) Owner() any { return p.owner }

// A Gate counts slots. All methods are safe for concurrent use.
type Gate struct {
	limits Limits

	mu       lock.Mutex[lock.Gate] // guards the fields below
	sites    map[Addr]*site
	greeting crowd
	deciding crowd
	waiting  crowd // of those that wait, those that nobody is about to resume
	settled  int   // Linked and Left
	waits    int   // Waiting
}

// New returns a gate at which nobody is.
func New(limits Limits) *Gate {
	if limits.Greeting == 0 {
		limits.Greeting = limits.Conns // half-open connections are connections too
	}
	g := &Gate{limits: limits, sites: make(map[Addr]*site)}
	g.greeting.kind, g.deciding.kind, g.waiting.kind = inGreeting, inDeciding, inWaiting
	return g
}

// Enter gives a newcomer a slot. If there are too many, the one that came first makes room: of
// the same address if that has too many, else of the address that has most.
func (g *Gate) Enter(from Addr, owner any) (p, evicted *Slot) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p = &Slot{owner: owner, state: Greeting}
	g.settleLocked(p, g.siteLocked(from))
	return p, g.greetLocked(p)
}

// greetLocked puts a slot where it can be told to make room, and tells one.
func (g *Gate) greetLocked(p *Slot) (evicted *Slot) {
	switch most := g.perAddr(p.at, g.limits.GreetingPerAddr, g.limits.GreetingOfMany); {
	case most > 0 && p.at.lines[inGreeting].n >= most:
		evicted = p.at.lines[inGreeting].first
	case g.limits.Greeting > 0 && g.greeting.size >= g.limits.Greeting:
		evicted = g.greeting.first()
	}
	if evicted != nil {
		g.dropLocked(evicted)
	}
	g.greeting.add(p)
	return evicted
}

// Move notes from which address a newcomer really comes, which a proxy has said. It counts there
// from now on, as if it had entered from there at this moment.
func (g *Gate) Move(p *Slot, to Addr) (evicted *Slot) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.state != Greeting || p.at.addr == to {
		return nil
	}
	g.leaveLocked(p)
	g.settleLocked(p, g.siteLocked(to))
	return g.greetLocked(p)
}

// Ask keeps a slot free for one who has said hello, until the program has decided. If too many
// are decided about, the newest of the address with most makes room, provided that this
// leaves the address as many as the newcomer's.
func (g *Gate) Ask(p *Slot) (evicted *Slot, no Refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.state == Gone {
		return nil, MadeRoom
	}
	conns := g.perAddr(p.at, g.limits.ConnsPerAddr, g.limits.ConnsOfMany)
	asked := g.perAddr(p.at, g.limits.GreetingPerAddr, g.limits.GreetingOfMany)
	mine := p.at.lines[inDeciding].n
	switch {
	case g.limits.Conns > 0 && g.settled+g.deciding.size >= g.limits.Conns:
		return nil, Full
	case conns > 0 && p.at.settled+mine >= conns:
		return nil, AddrFull
	case asked > 0 && mine >= asked:
		return nil, AddrBusy
	case g.limits.Greeting > 0 && g.deciding.size >= g.limits.Greeting:
		if evicted = g.deciding.last(); evicted.at.lines[inDeciding].n < mine+2 {
			return nil, Busy
		}
		g.dropLocked(evicted)
	}
	g.leaveLocked(p)
	p.state = Deciding
	g.deciding.add(p)
	return evicted, None
}

// Join gives one who was decided about the slot of a connection. If there are too many, those
// that have waited longest to be resumed make room: of the same address if that has too
// many, then of the address of which most wait.
func (g *Gate) Join(p *Slot, owner any) (evicted []*Slot, no Refusal) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.state != Deciding {
		return nil, MadeRoom
	}
	conns := g.perAddr(p.at, g.limits.ConnsPerAddr, g.limits.ConnsOfMany)
	for conns > 0 && p.at.settled+p.at.waits >= conns {
		v := p.at.lines[inWaiting].first
		if v == nil {
			return evicted, AddrFull
		}
		g.dropLocked(v)
		evicted = append(evicted, v)
	}
	for g.limits.Conns > 0 && g.settled+g.waits >= g.limits.Conns {
		v := g.waiting.first()
		if v == nil {
			return evicted, Full
		}
		g.dropLocked(v)
		evicted = append(evicted, v)
	}
	g.leaveLocked(p)
	p.state, p.owner = Linked, owner
	g.settled++
	p.at.settled++
	return evicted, None
}

// Refuse notes that one who has not joined is being told why. It can be told to make room again.
func (g *Gate) Refuse(p *Slot) (evicted *Slot) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch p.state {
	case Greeting:
		p.state = Refused
	case Deciding, Resuming:
		g.leaveLocked(p)
		p.state = Refused
		evicted = g.greetLocked(p)
	}
	return evicted
}

// Suspend notes that a connection waits to be resumed. It reports false if it has no slot.
func (g *Gate) Suspend(p *Slot) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.state != Linked {
		return false
	}
	g.leaveLocked(p)
	g.waitLocked(p)
	return true
}

func (g *Gate) waitLocked(p *Slot) {
	p.state = Waiting
	g.waits++
	p.at.waits++
	if p.resumer == nil {
		g.waiting.add(p)
	}
}

// Leave notes that a connection which waits has ended.
func (g *Gate) Leave(p *Slot) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p.state != Waiting {
		return
	}
	g.leaveLocked(p)
	p.state = Left
	g.settled++
	p.at.settled++
}

// Resume notes that a newcomer is about to go on with a session: neither makes room until it
// has, or gives that up with Ask, Refuse or Free. One who was about to go on with it before
// makes room. It reports false if the newcomer has no slot.
func (g *Gate) Resume(session, newcomer *Slot) (evicted *Slot, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if newcomer.state != Greeting {
		return nil, false
	}
	if evicted = session.resumer; evicted != nil {
		g.dropLocked(evicted)
	}
	g.leaveLocked(newcomer)
	newcomer.state = Resuming
	newcomer.session, session.resumer = session, newcomer
	if session.in != nil {
		session.in.remove(session)
	}
	return evicted, true
}

// Relink lets a session go on, at the address of the newcomer that resumes it, who needs no slot
// of its own any more. It reports false if one of them has none, or the session does not wait.
func (g *Gate) Relink(session, newcomer *Slot) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if session.state != Waiting || session.resumer != newcomer {
		return false
	}
	session.resumer, newcomer.session = nil, nil
	g.leaveLocked(session)
	g.settleLocked(session, newcomer.at)
	session.state = Linked
	g.settled++
	session.at.settled++
	return true
}

// Free gives a slot back, once however often it is called.
func (g *Gate) Free(p *Slot) {
	g.mu.Lock()
	g.dropLocked(p)
	g.mu.Unlock()
}

// HasRoomMade reports whether the slot was given to another, or back.
func (g *Gate) HasRoomMade(p *Slot) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return p.state == Gone
}

// Counts are how many there are.
type Counts struct {
	Greeting, Deciding, Settled, Waiting int
	Addrs                                int
}

// Counts returns how many there are at this moment.
func (g *Gate) Counts() Counts {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Counts{g.greeting.size, g.deciding.size, g.settled, g.waits, len(g.sites)}
}

// perAddr returns the limit for one address, or 0.
func (g *Gate) perAddr(s *site, most int, ofMany bool) int {
	if s.addr.Proxy || s.addr.Many && !ofMany {
		return 0
	}
	return most
}

// dropLocked takes a slot away.
func (g *Gate) dropLocked(p *Slot) {
	if p.state == Gone {
		return
	}
	g.leaveLocked(p)
	p.state = Gone
	if r := p.resumer; r != nil {
		r.session, p.resumer = nil, nil
	}
	g.settleLocked(p, nil)
}

// leaveLocked takes a slot out of what it counts for in its state.
func (g *Gate) leaveLocked(p *Slot) {
	if p.in != nil {
		p.in.remove(p)
	}
	switch p.state {
	case Linked, Left:
		g.settled--
		p.at.settled--
	case Waiting:
		g.waits--
		p.at.waits--
	case Resuming:
		if s := p.session; s != nil {
			p.session, s.resumer = nil, nil
			if s.state == Waiting {
				g.waiting.add(s)
			}
		}
	}
}
