package wire

import "time"

// A RefusedGroup is a group of a hello that the server keeps the client out of, and the reason.
type RefusedGroup struct {
	Name   string
	Code   Code
	Reason string // at most MaxReason bytes

	// RetryAfter is the time after which the client may ask again; zero means that the server does not say. On the
	// wire it is in milliseconds, rounded up, at most about 24 days.
	RetryAfter time.Duration
}

// size returns how many bytes append adds.
func (g *RefusedGroup) size() int { return uvarintSize(uint64(tagRefused)) + stringSize(g.valueSize()) }

func (g *RefusedGroup) valueSize() int {
	return stringSize(len(g.Name)) + uvarintSize(uint64(g.Code)) + uvarintSize(millis(g.RetryAfter)) + len(reason(g.Reason, MaxReason))
}

// append appends the field of the group, which the peer may refuse.
func (g *RefusedGroup) append(dst []byte) []byte {
	dst = appendUvarint(dst, uint64(tagRefused))
	dst = appendUvarint(dst, uint64(g.valueSize()))
	dst = appendString(dst, g.Name)
	dst = appendUvarint(dst, uint64(g.Code))
	dst = appendUvarint(dst, millis(g.RetryAfter))
	return append(dst, reason(g.Reason, MaxReason)...)
}

// appendRefused takes one refused group.
func (f *fields) appendRefused(refused []RefusedGroup, l *Limits) []RefusedGroup {
	if !f.moreGroups(len(refused)+1, l.MaxGroups) {
		return refused
	}
	c := f.sub()
	g := RefusedGroup{
		Name:       c.group(c.bytes("refused group"), l.MaxName),
		Code:       c.code("code"),
		RetryAfter: c.millis("retry after"),
	}
	g.Reason = c.textOf("reason", c.b, MaxReason)
	c.b = nil
	f.take(c)
	return append(refused, g)
}

// FitGroups cuts w.Groups down as far as needed for a frame of at most max bytes of kind and body. It
// returns the groups that it has cut off: the server tells the client of each of them in a join group frame.
func (w *Welcome) FitGroups(max int) (others []string) {
	room := max - 1 - len(w.appendOwn(nil))
	n := len(w.Groups)
	for ; room < 0 && n > 0; n-- {
		room += uvarintSize(uint64(tagGroup)) + stringSize(len(w.Groups[n-1]))
	}
	w.Groups, others = w.Groups[:n:n], w.Groups[n:]
	return others
}

// FitRefused cuts w.Refused down as far as needed for a frame of at most max bytes of kind
// and body: first the reasons, then the last refused groups. It leaves none if the rest of
// the welcome is too long by itself.
func (w *Welcome) FitRefused(max int) {
	room, long := max-1-len(w.appendOwn(nil)), 0
	for i := range w.Refused {
		long += w.Refused[i].size()
	}
	if long <= room {
		return
	}
	for i := range w.Refused {
		g := &w.Refused[i]
		g.Reason = ""
		if room -= g.size(); room < 0 {
			w.Refused = w.Refused[:i]
			return
		}
	}
}
