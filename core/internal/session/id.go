package session

// TokenSize is the size of a token in bytes. A token is random, and proves that a session is the client's.
const TokenSize = 16

// idSize is the size of a session's id in bytes.
const idSize = 8

// MakeID returns the session id of a server's connection. It is no secret.
func MakeID(conn uint64) []byte {
	b := make([]byte, idSize)
	for i := range b {
		b[i] = byte(conn >> (8 * i))
	}
	return b
}

// ConnOf returns the id of the connection from its session id. It reports false if id is malformed.
func ConnOf(id []byte) (conn uint64, ok bool) {
	if len(id) != idSize {
		return 0, false
	}
	for i, b := range id {
		conn |= uint64(b) << (8 * i)
	}
	return conn, true
}
