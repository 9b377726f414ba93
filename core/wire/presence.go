package wire

import "unicode/utf8"

// AppendJoinGroup appends a join group frame: a client asks to be in the group, a
// server says that the client is. The name is not checked; see [ValidName].
func AppendJoinGroup(dst []byte, name string) []byte { return appendGroup(dst, KindJoinGroup, name) }

// AppendLeaveGroup appends the opposite of [AppendJoinGroup].
func AppendLeaveGroup(dst []byte, name string) []byte { return appendGroup(dst, KindLeaveGroup, name) }

func appendGroup(dst []byte, k Kind, name string) []byte {
	return appendString(appendHeader(dst, k, 1+stringSize(len(name))), name)
}

// ParseGroup parses the body of a join group or leave group frame. The name
// aliases body and is UTF-8; the caller checks it with [ValidName].
func ParseGroup(body []byte) (name []byte, err error) {
	c := cursor{what: "join or leave group", b: body}
	name = c.bytes("name")
	if err := c.done(); err != nil {
		return nil, err
	}
	if !utf8.Valid(name) {
		return nil, &Error{CodeBadName, "join or leave group: name: not UTF-8: " + quote(string(name))}
	}
	return name, nil
}

// A Presence is a client that came or went, as told to clients that asked for
// such notices.
type Presence struct {
	Name   string // may be empty
	Groups []string
	Addr   string // as the server sees it; empty if the server does not tell
}

// AppendJoined appends the notice that a client connected.
func AppendJoined(dst []byte, p *Presence) []byte { return p.append(dst, KindJoined) }

// AppendLeft appends the notice that a client disconnected.
func AppendLeft(dst []byte, p *Presence) []byte { return p.append(dst, KindLeft) }

func (p *Presence) append(dst []byte, k Kind) []byte {
	length := 1 + stringSize(len(p.Name)) + uvarintSize(uint64(len(p.Groups))) + stringSize(len(p.Addr))
	for _, g := range p.Groups {
		length += stringSize(len(g))
	}
	dst = appendHeader(dst, k, length)
	dst = appendString(dst, p.Name)
	dst = appendUvarint(dst, uint64(len(p.Groups)))
	for _, g := range p.Groups {
		dst = appendString(dst, g)
	}
	return appendString(dst, p.Addr)
}

// ParsePresence parses the body of a joined or left frame. The result does not
// refer to body. The name is empty or one that [ValidName] accepts, and so is
// each group, which is not empty.
func ParsePresence(body []byte, lim *Limits) (*Presence, error) {
	l := lim.withDefaults()
	c := cursor{what: "joined or left", b: body}
	p := &Presence{Name: c.nameOf("name", c.bytes("name"), l.MaxName)}
	n := c.uvarint("groups")
	if n > uint64(len(c.b)/2) { // a group takes its length and a byte or more
		c.fail(CodeProtocol, "groups", itoa(n)+" announced, "+byteCount(len(c.b))+" left")
	} else if n > 0 && c.moreGroups(int(n), l.MaxGroups) {
		p.Groups = make([]string, 0, n)
		for range n {
			p.Groups = append(p.Groups, c.group(c.bytes("group"), l.MaxName))
		}
	}
	p.Addr = c.text("addr", l.MaxAddr)
	if err := c.done(); err != nil {
		return nil, err
	}
	return p, nil
}

// moreGroups checks how many groups there are before they are allocated.
func (c *cursor) moreGroups(n, max int) bool {
	if max >= 0 && n > max {
		c.fail(CodeTooManyGroups, "groups", itoa(n)+" exceed limit "+itoa(max))
		return false
	}
	return c.err == nil
}

// group is nameOf for a name that must be there.
func (c *cursor) group(b []byte, max int) string {
	if len(b) == 0 && c.err == nil {
		c.fail(CodeBadName, "group", "name is empty")
	}
	return c.nameOf("group", b, max)
}
