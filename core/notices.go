package core

// TellNobody is for [Access.Notices]: no client hears of another, classic ones included.
func TellNobody(_, _ *Conn, _ *Presence) bool { return false }

// TellNames is for [Access.Notices]: clients hear the names of others and nothing else.
func TellNames(_, _ *Conn, _ *Presence) bool { return true }

// TellGroups is for [Access.Notices]: clients hear the names of others, and those of their
// groups in which they are themselves.
func TellGroups(to, of *Conn, p *Presence) bool {
	for _, g := range of.Groups() {
		if to.InGroup(g) {
			p.Groups = append(p.Groups, g)
		}
	}
	return true
}

// TellAddrs is for [Access.Notices]: clients hear what [TellGroups] tells, and the addresses
// of others.
func TellAddrs(to, of *Conn, p *Presence) bool {
	p.Addr = of.Addr()
	return TellGroups(to, of, p)
}
