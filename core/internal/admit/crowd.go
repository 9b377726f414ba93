package admit

// A site holds what is counted for one address. It exists as long as a slot is there.
type site struct {
	addr    Addr
	slots   int // all slots
	settled int // slots that are Linked or Left
	waits   int // slots that are Waiting
	lines   [kinds]line
}

// The lines of a site.
const (
	inGreeting = iota
	inDeciding
	inWaiting
	kinds
)

// A line is the slots of one crowd at one site, in the order in which they were added.
type line struct {
	first, last *Slot
	n           int
	prev, next  *site // neighbours in the rank of n
}

// siteLocked returns the site of an address.
func (g *Gate) siteLocked(addr Addr) *site {
	s := g.sites[addr]
	if s == nil {
		s = &site{addr: addr}
		g.sites[addr] = s
	}
	return s
}

// settleLocked moves a slot to a site, or to none if to is nil. leaveLocked has been called for the slot.
func (g *Gate) settleLocked(p *Slot, to *site) {
	if to != nil {
		to.slots++
	}
	if from := p.at; from != nil {
		if from.slots--; from.slots == 0 {
			delete(g.sites, from.addr)
		}
	}
	p.at = to
}

// A crowd holds slots, and knows which site has the most of them. The time for a change does not depend on how many slots
// there are.
type crowd struct {
	kind  int // the index of its lines
	size  int
	ranks []rank // ranks[n] holds the sites with n slots; ranks[0] is not used
}

// A rank holds the sites with the same number of slots, the one that has been in the rank longest first.
type rank struct{ first, last *site }

// first returns the first slot of the site with the most, or nil if there is none. last returns the last one; there must
// be one.
func (c *crowd) first() *Slot {
	if c.size == 0 {
		return nil
	}
	return c.most().lines[c.kind].first
}

func (c *crowd) last() *Slot { return c.most().lines[c.kind].last }

func (c *crowd) most() *site { return c.ranks[len(c.ranks)-1].first }

// add puts a slot at the end of its site's line.
func (c *crowd) add(p *Slot) {
	s := p.at
	l := &s.lines[c.kind]
	c.unrank(s)
	p.in, p.prev, p.next = c, l.last, nil
	if l.last == nil {
		l.first = p
	} else {
		l.last.next = p
	}
	l.last = p
	l.n++
	c.size++
	c.rank(s)
}

func (c *crowd) remove(p *Slot) {
	s := p.at
	l := &s.lines[c.kind]
	c.unrank(s)
	if p.prev == nil {
		l.first = p.next
	} else {
		p.prev.next = p.next
	}
	if p.next == nil {
		l.last = p.prev
	} else {
		p.next.prev = p.prev
	}
	p.in, p.prev, p.next = nil, nil, nil
	l.n--
	c.size--
	c.rank(s)
}

// rank puts a site into the rank of its number of slots. The last rank is the rank of the site with the most.
func (c *crowd) rank(s *site) {
	l := &s.lines[c.kind]
	if l.n > 0 {
		for len(c.ranks) <= l.n {
			c.ranks = append(c.ranks, rank{})
		}
		r := &c.ranks[l.n]
		if l.prev = r.last; l.prev == nil {
			r.first = s
		} else {
			l.prev.lines[c.kind].next = s
		}
		r.last = s
	}
	for n := len(c.ranks); n > 0 && c.ranks[n-1].first == nil; n-- {
		c.ranks = c.ranks[:n-1]
	}
}

func (c *crowd) unrank(s *site) {
	l := &s.lines[c.kind]
	if l.n == 0 {
		return
	}
	r := &c.ranks[l.n]
	if l.prev == nil {
		r.first = l.next
	} else {
		l.prev.lines[c.kind].next = l.next
	}
	if l.next == nil {
		r.last = l.prev
	} else {
		l.next.lines[c.kind].prev = l.prev
	}
	l.prev, l.next = nil, nil
}
