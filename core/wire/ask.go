package wire

// AppendAsk appends an ask join, ask leave or ask rename frame. Its id is one of the
// client's requests: it must differ from those that are not yet answered. The name is not
// checked; see [ValidName].
func AppendAsk(dst []byte, k Kind, id uint64, name string) []byte {
	return AppendAnswered(dst, k, id, name, nil)
}

// ParseAsk splits the body of an ask join, ask leave or ask rename frame. The name aliases
// body. It may be any bytes: a wrong one is answered.
func ParseAsk(body []byte) (id uint64, name []byte, err error) {
	c := cursor{what: "ask", b: body}
	id = c.uvarint("id")
	name = c.bytes("name")
	if err := c.done(); err != nil {
		return 0, nil, err
	}
	return id, name, nil
}
