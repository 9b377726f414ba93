package wire

import "unicode/utf8"

// AppendJoinGroup appends a join group frame: the client is in the group now. The name
// is not checked; see [ValidName].
func AppendJoinGroup(dst []byte, name string) []byte { return AppendName(dst, KindJoinGroup, name) }

// AppendLeaveGroup appends a leave group frame: the client is not in the group any more.
func AppendLeaveGroup(dst []byte, name string) []byte { return AppendName(dst, KindLeaveGroup, name) }

// AppendRename appends a rename frame: the client has this name now. An empty name means that it has
// none.
func AppendRename(dst []byte, name string) []byte { return AppendName(dst, KindRename, name) }

// AppendName appends a frame of a kind whose body is a name: join group, leave group, rename or replay end.
func AppendName(dst []byte, k Kind, name string) []byte {
	return appendString(appendHeader(dst, k, 1+stringSize(len(name))), name)
}

// ParseName parses the body of a join group, leave group or rename frame. The name
// aliases body and is UTF-8; the caller checks it with [ValidName].
func ParseName(body []byte) (name []byte, err error) {
	c := cursor{what: "join group, leave group or rename", b: body}
	name = c.bytes("name")
	if err := c.done(); err != nil {
		return nil, err
	}
	if !utf8.Valid(name) {
		return nil, &Error{CodeBadName, c.what + ": name: not UTF-8: " + quote(string(name))}
	}
	return name, nil
}

// A Presence describes a client in a notice to another client: it has come, has gone or has changed its name. A field
// that the server does not tell is empty.
type Presence struct {
	Name   string
	Groups []string // empty in a notice of another name
	Addr   string   // the client's address as the server sees it
}

// AppendJoined appends the notice that a client has connected.
func AppendJoined(dst []byte, p *Presence) []byte { return p.append(dst, KindJoined) }

// AppendLeft appends the notice that a client has disconnected.
func AppendLeft(dst []byte, p *Presence) []byte { return p.append(dst, KindLeft) }

// AppendRenamed appends the notice that the client at addr has changed its name from old to
// name. It has no groups: a client can change its name with a few bytes, and each
// notice goes to many clients.
func AppendRenamed(dst []byte, old, name, addr string) []byte {
	dst = appendHeader(dst, KindRenamed, 1+stringSize(len(old))+stringSize(len(name))+stringSize(len(addr)))
	return appendString(appendString(appendString(dst, old), name), addr)
}

func (p *Presence) append(dst []byte, k Kind) []byte {
	return p.appendBody(appendHeader(dst, k, 1+p.size()))
}

// size returns how many bytes appendBody adds.
func (p *Presence) size() int {
	n := stringSize(len(p.Name)) + uvarintSize(uint64(len(p.Groups))) + stringSize(len(p.Addr))
	for _, g := range p.Groups {
		n += stringSize(len(g))
	}
	return n
}

func (p *Presence) appendBody(dst []byte) []byte {
	dst = appendString(dst, p.Name)
	dst = appendUvarint(dst, uint64(len(p.Groups)))
	for _, g := range p.Groups {
		dst = appendString(dst, g)
	}
	return appendString(dst, p.Addr)
}

// ParsePresence parses the body of a joined or left frame. The result does not
// refer to body. The name is empty or one that [ValidName] accepts. Each group is one that
// ValidName accepts.
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

// ParseRenamed parses the body of a renamed frame: the old and the new name, each empty or one that
// [ValidName] accepts, and the address. The result does not refer to body.
func ParseRenamed(body []byte, lim *Limits) (old, name, addr string, err error) {
	l := lim.withDefaults()
	c := cursor{what: "renamed", b: body}
	old = c.nameOf("old name", c.bytes("old name"), l.MaxName)
	name = c.nameOf("name", c.bytes("name"), l.MaxName)
	addr = c.text("addr", l.MaxAddr)
	if err := c.done(); err != nil {
		return "", "", "", err
	}
	return old, name, addr, nil
}

// moreGroups reports whether n groups keep the limit max. It is called before they are allocated.
func (c *cursor) moreGroups(n, max int) bool {
	if max >= 0 && n > max {
		c.fail(CodeTooManyGroups, "groups", itoa(n)+" exceed limit "+itoa(max))
		return false
	}
	return c.err == nil
}

// group is nameOf for a name that must not be empty.
func (c *cursor) group(b []byte, max int) string {
	if len(b) == 0 && c.err == nil {
		c.fail(CodeBadName, "group", "name is empty")
	}
	return c.nameOf("group", b, max)
}
