package session

// TokenSize is the size of a token in bytes. A token is random, and proves that a session is the client's.
const TokenSize = 16

// A session's id is no secret. It has idSize bytes for the connection, and, at a server that belongs to a cluster, as many for the node before.
const idSize = 8

// MakeID returns the session id of a server's connection. node is zero at a server that is alone.
func MakeID(node, conn uint64) []byte {
	b := make([]byte, 0, 2*idSize)
	if node != 0 {
		b = appendID(b, node)
	}
	return appendID(b, conn)
}

func appendID(b []byte, n uint64) []byte {
	for i := range idSize {
		b = append(b, byte(n>>(8*i)))
	}
	return b
}

// ConnOf returns the connection, and the node or zero, from a session id. It reports false if id is malformed.
func ConnOf(id []byte) (node, conn uint64, ok bool) {
	switch len(id) {
	case idSize:
		return 0, number(id), true
	case 2 * idSize:
		node = number(id)
		return node, number(id[idSize:]), node != 0
	}
	return 0, 0, false
}

func number(b []byte) (n uint64) {
	for i := range idSize {
		n |= uint64(b[i]) << (8 * i)
	}
	return n
}
