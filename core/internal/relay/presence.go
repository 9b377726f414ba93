package relay

import (
	"encoding/binary"
	"math"
	"slices"
)

// A Client is what a node says of one of its clients, in the answer to a Find or in a presence.
type Client struct {
	Conn      uint64
	Name      string
	User      string
	Addr      string
	Suspended bool
	Gone      bool     // it was there
	Groups    []string // in a presence
}

const (
	clientSuspended = 1 << iota
	clientGone
	clientGroups
	clientFlags = clientSuspended | clientGone | clientGroups
)

// MaxClientGroups bounds the groups of a Client: more are left out.
const MaxClientGroups = 4096

// equal reports whether two clients are the same in everything.
func (l *Client) equal(o *Client) bool {
	return l.Conn == o.Conn && l.Name == o.Name && l.User == o.User && l.Addr == o.Addr &&
		l.Suspended == o.Suspended && l.Gone == o.Gone && slices.Equal(l.Groups, o.Groups)
}

// Append appends a client.
func (l *Client) Append(b []byte) []byte {
	b = binary.AppendUvarint(b, l.Conn)
	groups := l.Groups[:min(len(l.Groups), MaxClientGroups)]
	b = append(b, flag(l.Suspended, clientSuspended)|flag(l.Gone, clientGone)|flag(len(groups) > 0, clientGroups))
	b = appendText(b, l.Name)
	b = appendText(b, l.User)
	b = appendText(b, l.Addr)
	if len(groups) == 0 {
		return b
	}
	b = binary.AppendUvarint(b, uint64(len(groups)))
	for _, g := range groups {
		b = appendText(b, g)
	}
	return b
}

// NextClient takes the first client off a list.
func NextClient(list []byte) (l Client, rest []byte, f Fault) {
	c := cursor{b: list}
	l.Conn = c.number(math.MaxUint64)
	flags := c.byte(clientFlags)
	l.Suspended, l.Gone = flags&clientSuspended != 0, flags&clientGone != 0
	l.Name, l.User, l.Addr = c.text(MaxName), c.text(MaxName), c.text(MaxName)
	if flags&clientGroups == 0 {
		return l, c.b, c.fault
	}
	n := c.number(math.MaxUint64)
	switch {
	case c.fault != None:
	case n == 0:
		c.fail(BadNumber)
	case n > MaxClientGroups:
		c.fail(TooLong)
	case n > uint64(len(c.b)): // each takes at least that much
		c.fail(Short)
	}
	if c.fault == None {
		l.Groups = make([]string, n)
		for i := range l.Groups {
			l.Groups[i] = c.text(MaxName)
		}
	}
	return l, c.b, c.fault
}

// A Presence says what has changed of a node's clients, or, over several messages, who they all are.
type Presence struct {
	First bool   // it is the first message that says who all clients are
	Last  bool   // it is the last one
	List  []byte // of clients, for NextClient
}

const (
	presenceFirst = 1 << iota
	presenceLast
	presenceFlags = presenceFirst | presenceLast
)

// Append appends the body.
func (p *Presence) Append(b []byte) []byte {
	b = append(b, flag(p.First, presenceFirst)|flag(p.Last, presenceLast))
	return append(b, p.List...)
}

// ParsePresence reads the body of a presence. Its List aliases the body, and is well formed.
func ParsePresence(body []byte) (p Presence, f Fault) {
	c := cursor{b: body}
	flags := c.byte(presenceFlags)
	p = Presence{First: flags&presenceFirst != 0, Last: flags&presenceLast != 0, List: c.rest()}
	f = c.end()
	for list := p.List; f == None && len(list) > 0; {
		_, list, f = NextClient(list)
	}
	if f != None {
		return Presence{}, f
	}
	return p, None
}
