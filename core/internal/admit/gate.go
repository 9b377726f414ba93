// Package admit decides who has an admission slot at a server: newcomers that have not sent their hello, newcomers about
// which the program decides, connections, and connections that wait to be resumed. A [Gate] counts
// the slots in all and by address, and says whose slot is given away when there is no room. A [Decision] is the state of
// the program's decision about one newcomer, and its time limit.
//
// The package knows neither streams nor connections: the gate returns the slots that it has given away, and the caller
// ends their owners, with no lock held. No lock is taken while the lock of a Gate is held.
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
//	any      → Gone       Free, or the slot is given to another
//
// Refuse leads from Greeting, Resuming and Deciding to Refused.
type State uint8

const (
	Greeting State = iota // a newcomer that has not sent its hello
	Refused               // a newcomer that is being told why it is refused
	Resuming              // a newcomer that has shown the token of a session, and is about to go on with it
	Deciding              // a newcomer about which the program decides
	Linked                // a connection that has a stream, or that has ended and is not closed
	Waiting               // a connection that has no stream and may be resumed
	Left                  // a connection that has ended while it waited, and is not closed
	Gone                  // no slot
)

// Limits bound the numbers of slots. Zero means no limit.
type Limits struct {
	Conns        int  // Deciding + Linked + Left, as a newcomer asks; Linked + Left + Waiting, as it joins
	ConnsPerAddr int  // the same for one address
	ConnsOfMany  bool // ConnsPerAddr holds also for an address that may stand for many clients

	Greeting        int  // Greeting + Refused, and by itself Deciding
	GreetingPerAddr int  // the same for one address
	GreetingOfMany  bool // GreetingPerAddr holds also for an address that may stand for many clients
}

// An Addr is the address by which newcomers are counted.
type Addr struct {
	Host string
	Many bool // the address may stand for many clients, such as a proxy

	// Proxy says that this is the address of a proxy that has not told its client's address yet. No
	// limit for one address holds for it.
	Proxy bool
}

// A Refusal says why there is no slot.
type Refusal uint8

const (
	None     Refusal = iota
	Full             // too many connections
	AddrFull         // too many connections of this address
	Busy             // too many newcomers are Deciding
	AddrBusy         // too many newcomers of this address are Deciding
	MadeRoom         // the newcomer's slot was given to another
)

// A Slot is the admission slot of one newcomer, and then of its connection.
type Slot struct {
	owner any // the argument of Enter or Join

	// Guarded by Gate.mu.
	state      State
	at         *site
	prev, next *Slot  // neighbours in the line of the site
	in         *crowd // the crowd of that line; nil for none
	session    *Slot  // if Resuming: the slot of the session
	resumer    *Slot  // the slot that is Resuming this one; nil for none
}

// Owner returns the owner that [Gate.Enter] or [Gate.Join], whichever was called last, was given. It may be called for
// a slot that the gate has given away.
func (p *Slot) Owner() any { return p.owner }

// A Gate counts slots. All methods are safe for concurrent use.
type Gate struct {
	limits Limits

	mu       lock.Mutex[lock.Gate] // guards the fields below
	sites    map[Addr]*site
	greeting crowd
	deciding crowd
	waiting  crowd // slots that are Waiting and that nobody is Resuming
	settled  int   // slots that are Linked or Left
	waits    int   // slots that are Waiting
}

// New returns a gate without slots.
func New(limits Limits) *Gate {
	if limits.Greeting == 0 {
		limits.Greeting = limits.Conns // half-open connections are connections too
	}
	g := &Gate{limits: limits, sites: make(map[Addr]*site)}
	g.greeting.kind, g.deciding.kind, g.waiting.kind = inGreeting, inDeciding, inWaiting
	return g
}

// Enter gives a newcomer a slot. If there are too many, it takes the slot of the oldest newcomer away: of
// the same address if that has too many, and otherwise of the address with the most. evicted is that slot, or nil.
func (g *Gate) Enter(from Addr, owner any) (p, evicted *Slot) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p = &Slot{owner: owner, state: Greeting}
	g.settleLocked(p, g.siteLocked(from))
	return p, g.greetLocked(p)
}

// greetLocked adds a slot to the greeting crowd, and takes another slot away if there are too many.
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

// Move notes the real address of a newcomer, which a proxy has told. The newcomer counts for that address
// from now on, as if it had just entered from there.
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

// Ask makes a newcomer whose hello has come Deciding. If too many newcomers are Deciding, it takes the slot of the newest
// of the address with the most away, provided that afterwards that address still has at least as many as the newcomer's.
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

// Join makes a newcomer about which the program has decided Linked. If there are too many connections, it takes the slots
// of those away that have waited longest to be resumed: of the same address if that has too
// many, and then of the address of which the most wait. evicted are these slots, also if Join refuses.
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

// Refuse notes that a newcomer is being told why it is refused. Its slot may be taken away then.
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

// Resume notes that a newcomer is about to go on with a session. Neither slot is taken away before the newcomer
// has resumed the session, or has given that up with Ask, Refuse or Free. If another newcomer was about to go on with the
// session, its slot is taken away. Resume reports false if the newcomer has no slot.
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

// Relink makes a session Linked again, at the address of the newcomer that resumes it. The newcomer needs no slot
// of its own any more. Relink reports false if the session is not Waiting, or another newcomer resumes it.
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

// Free gives a slot back. It does nothing if the slot is Gone.
func (g *Gate) Free(p *Slot) {
	g.mu.Lock()
	g.dropLocked(p)
	g.mu.Unlock()
}

// HasRoomMade reports whether the slot was given to another, or given back.
func (g *Gate) HasRoomMade(p *Slot) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return p.state == Gone
}

// Counts are the numbers of slots by state, and of addresses.
type Counts struct {
	Greeting, Deciding, Settled, Waiting int // Greeting includes Refused; Settled is Linked and Left
	Addrs                                int
}

// Counts returns the numbers at this moment.
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

// dropLocked makes a slot Gone.
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

// leaveLocked takes a slot out of the crowd and the counters of its state.
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
