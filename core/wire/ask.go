package wire

// AppendAsk appends an ask join, ask leave or ask rename frame. The id must differ
// from the ids of all requests and asks of the client that are not answered yet. The name is not
// checked; see [ValidName].
func AppendAsk(dst []byte, k Kind, id uint64, name string) []byte {
	return AppendAnswered(dst, k, id, name, nil)
}

// AppendAskJoin appends an ask join frame with the client's position in the group. The epoch of the position is not
// zero.
func AppendAskJoin(dst []byte, id uint64, p Position) []byte {
	return AppendAnswered(dst, KindAskJoin, id, p.Group, AppendPosition(nil, p))
}

// AppendPosition appends a position without its group, as in an ask join frame.
func AppendPosition(dst []byte, p Position) []byte {
	return appendTwo(dst, p.Epoch, p.Number)
}

// ParseAskJoin splits the body of an ask join frame. The name of the group is copied. It may be any
// bytes: the caller checks it. If the client has told no position, the epoch is zero.
func ParseAskJoin(body []byte) (id uint64, p Position, err error) {
	c := cursor{what: "ask", b: body}
	id = c.uvarint("id")
	p.Group = string(c.bytes("name"))
	if len(c.b) > 0 {
		p.Epoch = c.epoch()
		p.Number = c.uvarint("number")
	}
	if err := c.done(); err != nil {
		return 0, Position{}, err
	}
	return id, p, nil
}

// ParseAsk splits the body of an ask leave or ask rename frame, or of an ask join without a position.
// The name aliases body. It may be any bytes: the caller checks it.
func ParseAsk(body []byte) (id uint64, name []byte, err error) {
	c := cursor{what: "ask", b: body}
	id = c.uvarint("id")
	name = c.bytes("name")
	if err := c.done(); err != nil {
		return 0, nil, err
	}
	return id, name, nil
}
