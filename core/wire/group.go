package wire

// A Position says up to which message of a group a client has been given the group's messages. The messages
// that a group keeps have numbers, from 1 on and without gaps, within an epoch. A server that has forgotten the numbers
// begins another epoch.
type Position struct {
	Group  string
	Epoch  uint64 // not zero
	Number uint64 // the number of the last message; zero is before the first
}

// Size returns how many bytes the position takes in a hello.
func (p *Position) Size() int { return uvarintSize(uint64(tagPosition)) + stringSize(p.valueSize()) }

func (p *Position) valueSize() int {
	return stringSize(len(p.Group)) + uvarintSize(p.Epoch) + uvarintSize(p.Number)
}

func (p *Position) append(dst []byte) []byte {
	dst = appendTwo(dst, uint64(tagPosition), uint64(p.valueSize()))
	return appendTwo(appendString(dst, p.Group), p.Epoch, p.Number)
}

// appendTwo appends two numbers. It is not inlined, since each inlined call would add 1 KB to a browser build.
//
//go:noinline
func appendTwo(dst []byte, a, b uint64) []byte { return appendUvarint(appendUvarint(dst, a), b) }

// number is uvarint for rare frames. It is not inlined, so that a browser build is smaller.
//
//go:noinline
func (c *cursor) number(field string) uint64 { return c.uvarintSlow(field) }

// appendPosition takes one position. Positions beyond the limit are skipped: without them the client is just sent
// messages that it has had.
func (f *fields) appendPosition(to []Position, l *Limits) []Position {
	if l.MaxGroups >= 0 && len(to) >= l.MaxGroups {
		return to
	}
	c := f.sub()
	p := Position{Group: c.group(c.bytes("position"), l.MaxName), Epoch: c.epoch(), Number: c.number("number")}
	f.take(c)
	return append(to, p)
}

// epoch takes an epoch, which must not be 0.
func (c *cursor) epoch() uint64 {
	v := c.number("epoch")
	if v == 0 {
		c.fail(CodeProtocol, "epoch", "0")
	}
	return v
}

// A Replay announces the kept messages of a group that a client is given: the last Count messages up to the number
// Last. Until the replay end, all messages of the group up to Last are replayed ones.
type Replay struct {
	Group string
	Epoch uint64 // not zero
	Last  uint64 // the number of the newest message; zero if there never was one
	Count uint64 // Count <= Last
	Again bool   // the messages come also if the client has been given them before
}

// AppendReplay appends a replay frame.
func AppendReplay(dst []byte, r *Replay) []byte {
	n := stringSize(len(r.Group)) + uvarintSize(r.Epoch) + uvarintSize(r.Last) + uvarintSize(r.Count) + 1
	dst = appendString(appendHeader(dst, KindReplay, 1+n), r.Group)
	dst = appendUvarint(appendTwo(dst, r.Epoch, r.Last), r.Count)
	if r.Again {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// ParseReplay parses the body of a replay frame. The group is one that [ValidName] accepts. The result
// does not refer to body.
func ParseReplay(body []byte, lim *Limits) (*Replay, error) {
	l := lim.withDefaults()
	c := cursor{what: "replay", b: body}
	r := &Replay{Group: c.group(c.bytes("group"), l.MaxName), Epoch: c.epoch(), Last: c.number("last"), Count: c.number("count")}
	again := c.number("again")
	switch {
	case r.Count > r.Last:
		c.fail(CodeProtocol, "count", itoa(r.Count)+" exceeds "+itoa(r.Last)+", the last number")
	case again > 1:
		c.fail(CodeProtocol, "again", "neither 0 nor 1")
	}
	r.Again = again == 1
	if err := c.done(); err != nil {
		return nil, err
	}
	return r, nil
}

// AppendReplayEnd appends a replay end frame.
func AppendReplayEnd(dst []byte, group string) []byte { return AppendName(dst, KindReplayEnd, group) }

// GroupCommandSize returns how many bytes [AppendGroupCommand] adds.
func GroupCommandSize(group string, number uint64, name string, payload int) int {
	return Size(groupLength(group, number) + stringSize(len(name)) + payload)
}

// AppendGroupCommand appends a command to a group that keeps it under that number.
func AppendGroupCommand(dst []byte, group string, number uint64, name string, payload []byte) []byte {
	dst = appendHeader(dst, KindGroupCommand, groupLength(group, number)+stringSize(len(name))+len(payload))
	dst = appendUvarint(appendString(dst, group), number)
	return append(appendString(dst, name), payload...)
}

// GroupRawSize returns how many bytes [AppendGroupRaw] adds.
func GroupRawSize(group string, number uint64, payload int) int {
	return Size(groupLength(group, number) + payload)
}

// AppendGroupRaw appends a raw message to a group that keeps it under that number.
func AppendGroupRaw(dst []byte, group string, number uint64, payload []byte) []byte {
	dst = appendHeader(dst, KindGroupRaw, groupLength(group, number)+len(payload))
	return append(appendUvarint(appendString(dst, group), number), payload...)
}

// AppendGroupPassed appends a group passed frame, which a client is sent in place of a message to a group that is not
// meant for it.
func AppendGroupPassed(dst []byte, group string, number uint64) []byte {
	dst = appendHeader(dst, KindGroupPassed, groupLength(group, number))
	return appendUvarint(appendString(dst, group), number)
}

// groupLength returns the length of kind, group and number, in bytes.
func groupLength(group string, number uint64) int {
	return 1 + stringSize(len(group)) + uvarintSize(number)
}

// ParseGroup splits the body of a group command, group raw or group passed frame. The rest is the body of a
// command frame, the payload of a raw message, or nil. The group and the rest alias body. The group may
// be any bytes: a receiver has no position in a group that it does not know.
func ParseGroup(k Kind, body []byte) (group []byte, number uint64, rest []byte, err error) {
	c := cursor{what: "group", b: body}
	group = c.bytes("name")
	if number = c.uvarint("number"); number == 0 {
		c.fail(CodeProtocol, "number", "0")
	}
	rest = c.b
	if k == KindGroupPassed {
		c.done() //nolint:errcheck // it is returned below
		rest = nil
	}
	if c.err != nil {
		return nil, 0, nil, c.err
	}
	return group, number, rest, nil
}
