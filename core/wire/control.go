package wire

// AppendPing appends a ping. The peer answers with a pong that has the same nonce.
func AppendPing(dst []byte, nonce uint64) []byte { return appendNumbers(dst, KindPing, nonce) }

// AppendPong appends the answer to a ping.
func AppendPong(dst []byte, nonce uint64) []byte { return appendNumbers(dst, KindPong, nonce) }

// ParseNonce parses the body of a ping or pong.
func ParseNonce(body []byte) (nonce uint64, err error) {
	return parseNumber("ping or pong", "nonce", body)
}

// AppendAck appends an ack. received is the number of counted frames that have been received since the
// session began; see [Kind.Counted].
func AppendAck(dst []byte, received uint64) []byte { return appendNumbers(dst, KindAck, received) }

// ParseAck parses the body of an ack.
func ParseAck(body []byte) (received uint64, err error) {
	return parseNumber("ack", "received", body)
}

// AppendMissed appends a missed frame. total is the number of frames for the peer that were dropped for want of room
// since the session began, as a policy of this side allows.
func AppendMissed(dst []byte, total uint64) []byte { return appendNumbers(dst, KindMissed, total) }

// ParseMissed parses the body of a missed frame.
func ParseMissed(body []byte) (total uint64, err error) {
	return parseNumber("missed", "total", body)
}
