package session

// TokenSize is how many random bytes prove that a client is the one whose session it names.
const TokenSize = 16

// idSize is how many bytes name a session.
const idSize = 8

// MakeID returns how a server's connection is named when it is resumed. It is no secret.
func MakeID(conn uint64) []byte {
	b := make([]byte, idSize)
	for i := range b {
		b[i] = byte(conn >> (8 * i))
	}
	return b
}

// ConnOf returns the id of the connection that a session names.
func ConnOf(id []byte) (conn uint64, ok bool) {
	if len(id) != idSize {
		return 0, false
	}
	for i, b := range id {
		conn |= uint64(b) << (8 * i)
	}
	return conn, true
}
