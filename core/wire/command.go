package wire

// CommandSize returns how many bytes [AppendCommand] adds for a payload of that many
// bytes, the frame's length included. See [Size] for how to check it against a
// limit.
func CommandSize(name string, payload int) int {
	return Size(commandLength(name, payload))
}

func commandLength(name string, payload int) int {
	return 1 + stringSize(len(name)) + payload
}

// AppendCommand appends a command frame. The name is not checked; see
// [ValidName].
func AppendCommand(dst []byte, name string, payload []byte) []byte {
	dst = appendHeader(dst, KindCommand, commandLength(name, len(payload)))
	dst = appendString(dst, name)
	return append(dst, payload...)
}

// ParseCommand splits the body of a command frame. Name and payload alias body.
// The name may be empty, long or not UTF-8: the caller checks it.
func ParseCommand(body []byte) (name, payload []byte, err error) {
	if len(body) > 0 {
		if end := 1 + int(body[0]); end <= 0x80 && end <= len(body) {
			return body[1:end:end], body[end:], nil
		}
	}
	c := cursor{what: "command", b: body}
	name = c.bytes("name")
	return name, c.b, c.err
}

// RawSize returns how many bytes [AppendRaw] adds for a payload of that many bytes.
func RawSize(payload int) int { return Size(1 + payload) }

// AppendRaw appends a raw frame. Its body is the payload, so there is nothing to
// parse.
func AppendRaw(dst, payload []byte) []byte {
	dst = appendHeader(dst, KindRaw, 1+len(payload))
	return append(dst, payload...)
}
