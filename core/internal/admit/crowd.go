package admit

// A site is an address from which somebody has come. It is known as long as a slot is there.
type site struct {
	addr    Addr
	slots   int
	settled int // Linked and Left
	waits   int // Waiting
	lines   [kinds]line
}

// The lines of a site.
const (
	inGreeting = iota
	inDeciding
	inWaiting
	kinds
)

// A line is what one crowd has of one site, in the order in which they came.
type line struct {
	first, last *Slot
	n           int
	prev, next  *site // in the rank of n
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

// settleLocked moves a slot, which counts for nothing at this moment, to a site; nil for none.
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

// A crowd knows of which site it has most. Each change of it takes the same short time, however
// many there are.
type crowd struct {
	kind  int
	size  int
	ranks []rank // by how many of a site there are; the first is not used
}

// A rank is the sites of which there are as many, the one that has been here longest first.
type rank struct{ first, last *site }

// first returns the first of the site with most, last the last one. There must be one.
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

// rank puts a site where it belongs by how many it has. There is a rank for the site with most and
// none above it.
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
